"""API_OUTBOUND_DELIVERY_SRV (version 0002) as far as the simulator offers it: deliveries, their items, goods issue."""

from assay.simkit.odata import Function, Model, entity_set, many, one, properties

DELIVERY = entity_set(
    "A_OutbDeliveryHeader",
    """
    ActualDeliveryRoute String(6) ro
    Shippinglocationtimezone String(6) req ro
    Receivinglocationtimezone String(6) req ro
    ActualGoodsMovementDate DateTime(7) day noinsert
    ActualGoodsMovementTime Time(0) ro
    BillOfLading String(35) noinsert
    CompleteDeliveryIsDefined Boolean ro
    CreatedByUser String(12) ro
    CreationDate DateTime(7) day ro
    CreationTime Time(0) ro
    DeliveryBlockReason String(2) noinsert
    DeliveryDate DateTime(7) day noinsert
    DeliveryDocument String(10) key ro alpha
    DeliveryDocumentBySupplier String(35) noinsert
    DeliveryDocumentType String(4) ro
    DeliveryPriority String(2) noinsert
    DeliveryTime Time(0) noinsert
    DeliveryVersion String(4) ro etag
    DocumentDate DateTime(7) day ro
    ExternalIdentificationType String(1) ro
    GoodsIssueTime Time(0) noinsert
    HeaderBillingBlockReason String(2) ro
    HeaderGrossWeight Decimal(15,3) noinsert
    HeaderNetWeight Decimal(15,3) noinsert
    HeaderWeightUnit String(3) noinsert
    IncotermsClassification String(3) noinsert
    IncotermsTransferLocation String(28) noinsert
    LastChangeDate DateTime(7) day ro
    LastChangedByUser String(12) ro
    MeansOfTransport String(20) noinsert
    MeansOfTransportType String(4) noinsert
    OverallDelivReltdBillgStatus String(1) ro
    OverallGoodsMovementStatus String(1) ro
    OverallPackingStatus String(1) ro
    OverallPickingStatus String(1) ro
    OverallSDProcessStatus String(1) ro
    PickingDate DateTime(7) day noinsert
    PickingTime Time(0) noinsert
    PlannedGoodsIssueDate DateTime(7) day noinsert
    SalesDistrict String(6) ro
    SalesOffice String(4) ro
    SalesOrganization String(4) ro
    SDDocumentCategory String(4) ro
    ShippingCondition String(2) ro
    ShippingPoint String(4) noupdate
    ShippingType String(2) ro
    ShipToParty String(10) ro alpha
    SoldToParty String(10) ro alpha
    TotalBlockStatus String(1) ro
    TotalNumberOfPackage String(5) ro
    TransactionCurrency String(5) ro
    TransportationPlanningDate DateTime(7) day noinsert
    TransportationPlanningStatus String(1) ro
    TransportationPlanningTime Time(0) noinsert
    """,
    (
        many("to_DeliveryDocumentItem", "A_OutbDeliveryItem", "DeliveryDocument"),
        many("to_DeliveryDocumentPartner", "A_OutbDeliveryPartner", "DeliveryDocument=SDDocument"),
    ),
    operations="create update delete",
)

DELIVERY_ITEM = entity_set(
    "A_OutbDeliveryItem",
    """
    ActualDeliveredQtyInBaseUnit Decimal(13,3) noinsert
    DeliveryVersion String(4) ro etag
    ActualDeliveryQuantity Decimal(13,3)
    BaseUnit String(3) ro
    Batch String(10) noinsert
    CreatedByUser String(12) ro
    CreationDate DateTime(7) day ro
    CreationTime Time(0) ro
    DeliveryDocument String(10) key noupdate alpha
    DeliveryDocumentItem String(6) key ro alpha
    DeliveryDocumentItemCategory String(4) ro
    DeliveryDocumentItemText String(40) noinsert
    DeliveryGroup String(3) ro
    DeliveryQuantityUnit String(3) noupdate
    DeliveryRelatedBillingStatus String(1) ro
    DeliveryToBaseQuantityDnmntr Decimal(5,0) ro
    DeliveryToBaseQuantityNmrtr Decimal(5,0) ro
    DistributionChannel String(2) ro
    Division String(2) ro
    GoodsMovementStatus String(1) ro
    GoodsMovementType String(3) ro
    HigherLevelItem String(6) ro alpha
    InternationalArticleNumber String(18) ro
    IsCompletelyDelivered Boolean ro
    ItemGrossWeight Decimal(15,3) noinsert
    ItemIsBillingRelevant String(1) ro
    ItemNetWeight Decimal(15,3) noinsert
    ItemWeightUnit String(3) noinsert
    LastChangeDate DateTime(7) day ro
    Material String(40) ro
    MaterialGroup String(9) ro
    OriginalDeliveryQuantity Decimal(13,3) ro
    OriginallyRequestedMaterial String(40) ro
    PackingStatus String(1) ro
    PartialDeliveryIsAllowed String(1) ro
    PickingStatus String(1) ro
    Plant String(4) ro
    ProductAvailabilityDate DateTime(7) day ro
    ProductAvailabilityTime Time(0) ro
    ReferenceSDDocument String(10) noupdate alpha
    ReferenceSDDocumentCategory String(4) ro
    ReferenceSDDocumentItem String(6) noupdate alpha
    SalesDocumentItemType String(1) ro
    SalesGroup String(3) ro
    SalesOffice String(4) ro
    SDDocumentCategory String(4) ro
    SDProcessStatus String(1) ro
    StorageLocation String(4) noinsert
    """,
    (
        many(
            "to_DocumentFlow",
            "A_OutbDeliveryDocFlow",
            "DeliveryDocument=PrecedingDocument, DeliveryDocumentItem=PrecedingDocumentItem",
        ),
    ),
    operations="update delete",
    indexes=("ReferenceSDDocument",),
)

DELIVERY_PARTNER = entity_set(
    "A_OutbDeliveryPartner",
    """
    AddressID String(10) req ro alpha
    ContactPerson String(10) req ro
    Customer String(10) req ro alpha
    PartnerFunction String(2) key ro
    Personnel String(8) req ro
    SDDocument String(10) key ro alpha
    SDDocumentItem String(6) req ro alpha
    Supplier String(10) req ro alpha
    """,
    (one("to_Address", "A_OutbDeliveryAddress", "AddressID"),),
)

DELIVERY_ADDRESS = entity_set(
    "A_OutbDeliveryAddress",
    """
    AdditionalStreetPrefixName String(40) req ro
    AdditionalStreetSuffixName String(40) req ro
    AddressID String(10) key ro alpha
    AddressTimeZone String(6) req ro
    BusinessPartnerName1 String(40) req ro
    BusinessPartnerName2 String(40) req ro
    BusinessPartnerName3 String(40) req ro
    BusinessPartnerName4 String(40) req ro
    CareOfName String(40) req ro
    CityName String(40) req ro
    CompanyPostalCode String(10) req ro
    CorrespondenceLanguage String(2) req ro
    Country String(3) req ro
    District String(40) req ro
    FaxNumber String(30) req ro
    FormOfAddress String(4) req ro
    FullName String(80) req ro
    HouseNumber String(10) req ro
    HouseNumberSupplementText String(10) req ro
    Person String(10) req ro
    PhoneNumber String(30) req ro
    POBox String(10) req ro
    PostalCode String(10) req ro
    PrfrdCommMediumType String(3) req ro
    Region String(3) req ro
    StreetName String(60) req ro
    StreetPrefixName String(40) req ro
    StreetSuffixName String(40) req ro
    """,
)

DELIVERY_FLOW = entity_set(
    "A_OutbDeliveryDocFlow",
    """
    Deliveryversion String(4) ro etag
    PrecedingDocument String(10) key ro alpha
    PrecedingDocumentCategory String(4) ro
    PrecedingDocumentItem String(6) key ro alpha
    Subsequentdocument String(10) ro alpha
    QuantityInBaseUnit Decimal(15,3) noinsert
    SubsequentDocumentItem String(6) ro alpha
    SDFulfillmentCalculationRule String(1) ro
    SubsequentDocumentCategory String(4) key ro
    TransferOrderInWrhsMgmtIsConfd Boolean ro
    """,
)

_DELIVERY = "DeliveryDocument String(10) alpha\n"

DELIVERY_MODEL = Model.of(
    "API_OUTBOUND_DELIVERY_SRV",
    (DELIVERY, DELIVERY_ITEM, DELIVERY_PARTNER, DELIVERY_ADDRESS, DELIVERY_FLOW),
    (
        Function("PickAllItems", "POST", properties(_DELIVERY), "PickingReport", many=True),
        Function("PostGoodsIssue", "POST", properties(_DELIVERY), "PickingReport", many=True),
    ),
    {
        "PickingReport": properties(
            """
            SystemMessageIdentification String(20) ro
            SystemMessageNumber String(3) ro
            SystemMessageType String(1) ro
            SystemMessageVariable1 String(50) ro
            DeliveryDocument String(10) ro
            DeliveryDocumentItem String(6) ro
            Material String(40) ro
            ActualDeliveryQuantity Decimal(13,3) ro unit=DeliveryQuantityUnit
            DeliveryQuantityUnit String(3) ro
            """
        )
    },
)
