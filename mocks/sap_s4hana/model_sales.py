"""API_SALES_ORDER_SRV as far as the simulator offers it: entity sets, navigation, approval functions."""

from assay.simkit.odata import Function, Model, entity_set, many, one, properties

_OF_ORDER = "SalesOrder String(10) key ro alpha\n"
_OF_ITEM = _OF_ORDER + "SalesOrderItem String(6) key ro alpha\n"
_TO_ORDER = one("to_SalesOrder", "A_SalesOrder", "SalesOrder")
_TO_ITEM = one("to_SalesOrderItem", "A_SalesOrderItem", "SalesOrder, SalesOrderItem")
# What header and item have alike.
_PARTNER = """
    PartnerFunction String(2) key
    PartnerFunctionInternalCode String(2) ro
    Customer String(10) alpha
    Supplier String(10) alpha
    Personnel String(8)
    ContactPerson String(10)
    ReferenceBusinessPartner String(10) ro alpha
    AddressID String(10) alpha
    VATRegistration String(20)
"""
_TEXT = """
    Language String(2) key
    LongTextID String(4) key
    LongText String
"""
_CONDITION = """
    PricingProcedureStep String(3) key
    PricingProcedureCounter String(3) key
    ConditionType String(4)
    PricingDateTime String(14) ro
    PriceConditionDeterminationDte DateTime(0) day ro
    ConditionCalculationType String(3) ro
    ConditionBaseValue Decimal(24,9) ro
    ConditionRateValue Decimal(24,9)
    ConditionCurrency String(5)
    ConditionQuantity Decimal(5,0) unit=ConditionQuantitySAPUnit
    ConditionQuantityUnit String(3)
    ConditionQuantitySAPUnit String(3)
    ConditionQuantityISOUnit String(3)
    ConditionCategory String(1) ro
    ConditionIsForStatistics Boolean ro
    ConditionOrigin String(1) ro
    IsGroupCondition String(1) ro
    ConditionRecord String(10) ro
    ConditionSequentialNumber String(3) ro
    TaxCode String(2) ro
    CndnRoundingOffDiffAmount Decimal(6,3) ro unit=TransactionCurrency
    ConditionAmount Decimal(16,3) ro unit=TransactionCurrency
    TransactionCurrency String(5)
    ConditionControl String(1) ro
    ConditionInactiveReason String(1) ro
    ConditionClass String(1) ro
    PrcgProcedureCounterForHeader String(3) ro
    ConditionIsManuallyChanged Boolean ro
"""

SALES_ORDER = entity_set(
    "A_SalesOrder",
    """
    SalesOrder String(10) key alpha
    SalesOrderType String(4)
    SalesOrderTypeInternalCode String(4) ro
    SalesOrganization String(4)
    DistributionChannel String(2)
    OrganizationDivision String(2)
    SalesOffice String(4)
    SoldToParty String(10) alpha
    CreationDate DateTime(0) day ro
    CreatedByUser String(12) ro
    LastChangeDate DateTime(0) day ro
    ExternalDocumentID String(40) ro
    LastChangeDateTime DateTimeOffset(7) ro etag
    PurchaseOrderByCustomer String(35)
    PurchaseOrderByShipToParty String(35)
    CustomerPurchaseOrderType String(4)
    CustomerPurchaseOrderDate DateTime(0) day
    SalesOrderDate DateTime(0) day
    TotalNetAmount Decimal(16,3) ro unit=TransactionCurrency
    OverallDeliveryStatus String(1) ro
    TotalBlockStatus String(1) ro
    OverallOrdReltdBillgStatus String(1) ro
    TransactionCurrency String(5)
    SDDocumentReason String(3)
    PricingDate DateTime(0) day
    PriceDetnExchangeRate Decimal(9,5)
    RequestedDeliveryDate DateTime(0) day
    ShippingCondition String(2)
    CompleteDeliveryIsDefined Boolean
    ShippingType String(2)
    HeaderBillingBlockReason String(2)
    DeliveryBlockReason String(2)
    IncotermsClassification String(3)
    IncotermsLocation1 String(70)
    IncotermsLocation2 String(70)
    CustomerPriceGroup String(2)
    PriceListType String(2)
    CustomerPaymentTerms String(4)
    PaymentMethod String(1)
    AssignmentReference String(18)
    ReferenceSDDocument String(10) alpha
    ReferenceSDDocumentCategory String(4) ro
    AccountingDocExternalReference String(16)
    AccountingExchangeRate Decimal(9,5)
    CustomerGroup String(2)
    CustomerTaxClassification1 String(1)
    TaxDepartureCountry String(3)
    VATRegistrationCountry String(3)
    SalesOrderApprovalReason String(4) ro
    SalesDocApprovalStatus String(1) ro
    OverallSDProcessStatus String(1) ro
    TotalCreditCheckStatus String(1) ro
    OverallTotalDeliveryStatus String(1) ro
    OverallSDDocumentRejectionSts String(1) ro
    BillingDocumentDate DateTime(0) day
    """,
    (
        many("to_Item", "A_SalesOrderItem", "SalesOrder"),
        many("to_Partner", "A_SalesOrderHeaderPartner", "SalesOrder"),
        many("to_PricingElement", "A_SalesOrderHeaderPrElement", "SalesOrder"),
        many("to_SubsequentProcFlowDoc", "A_SalesOrderSubsqntProcFlow", "SalesOrder"),
        many("to_Text", "A_SalesOrderText", "SalesOrder"),
    ),
    operations="create update delete",
    indexes=("PurchaseOrderByCustomer",),
)

ITEM = entity_set(
    "A_SalesOrderItem",
    """
    SalesOrder String(10) key ro alpha
    SalesOrderItem String(6) key alpha
    HigherLevelItem String(6) alpha
    HigherLevelItemUsage String(1) ro
    SalesOrderItemCategory String(4)
    SalesOrderItemText String(40)
    PurchaseOrderByCustomer String(35)
    PurchaseOrderByShipToParty String(35)
    UnderlyingPurchaseOrderItem String(6) alpha
    ExternalItemID String(40) ro
    Material String(40)
    MaterialByCustomer String(35)
    PricingDate DateTime(0) day
    RequestedQuantity Decimal(15,3) unit=RequestedQuantitySAPUnit
    RequestedQuantityUnit String(3)
    RequestedQuantitySAPUnit String(3)
    RequestedQuantityISOUnit String(3)
    OrderQuantityUnit String(3) ro
    OrderQuantitySAPUnit String(3) ro
    OrderQuantityISOUnit String(3) ro
    ConfdDelivQtyInOrderQtyUnit Decimal(15,3) ro unit=OrderQuantitySAPUnit
    ItemGrossWeight Decimal(15,3) ro unit=ItemWeightSAPUnit
    ItemNetWeight Decimal(15,3) ro unit=ItemWeightSAPUnit
    ItemWeightUnit String(3) ro
    ItemWeightSAPUnit String(3)
    ItemWeightISOUnit String(3)
    TransactionCurrency String(5) ro
    NetAmount Decimal(16,3) ro unit=TransactionCurrency
    MaterialGroup String(9)
    Batch String(10)
    ProductionPlant String(4)
    StorageLocation String(4)
    DeliveryGroup String(3)
    ShippingPoint String(4)
    ShippingType String(2)
    DeliveryPriority String(2)
    IncotermsClassification String(3)
    IncotermsLocation1 String(70)
    IncotermsLocation2 String(70)
    TaxAmount Decimal(14,3) unit=TransactionCurrency
    ProductTaxClassification1 String(1)
    CostAmount Decimal(14,3) unit=TransactionCurrency
    CustomerPaymentTerms String(4)
    SalesDocumentRjcnReason String(2)
    ItemBillingBlockReason String(2)
    ProfitCenter String(10)
    ReferenceSDDocument String(10) alpha
    ReferenceSDDocumentItem String(6) alpha
    SDProcessStatus String(1) ro
    DeliveryStatus String(1) ro
    OrderRelatedBillingStatus String(1) ro
    """,
    (
        many("to_Partner", "A_SalesOrderItemPartner", "SalesOrder, SalesOrderItem"),
        many("to_PricingElement", "A_SalesOrderItemPrElement", "SalesOrder, SalesOrderItem"),
        _TO_ORDER,
        many("to_ScheduleLine", "A_SalesOrderScheduleLine", "SalesOrder, SalesOrderItem"),
        many("to_SubsequentProcFlowDocItem", "A_SalesOrderItmSubsqntProcFlow", "SalesOrder, SalesOrderItem"),
        many("to_Text", "A_SalesOrderItemText", "SalesOrder, SalesOrderItem"),
    ),
    operations="create update delete",
)

PARTNER = entity_set(
    "A_SalesOrderHeaderPartner",
    _OF_ORDER + _PARTNER,
    (
        many("to_Address", "A_SalesOrderPartnerAddress", "SalesOrder, PartnerFunction"),
        _TO_ORDER,
    ),
    operations="create update delete",
)

ITEM_PARTNER = entity_set(
    "A_SalesOrderItemPartner",
    _OF_ITEM + _PARTNER,
    (
        _TO_ORDER,
        _TO_ITEM,
    ),
    operations="create update delete",
)

PARTNER_ADDRESS = entity_set(
    "A_SalesOrderPartnerAddress",
    """
    SalesOrder String(10) key alpha
    PartnerFunction String(2) key
    AddressRepresentationCode String(1) key
    CorrespondenceLanguage String(2)
    AddresseeFullName String(80)
    OrganizationName1 String(40)
    OrganizationName2 String(40)
    OrganizationName3 String(40)
    OrganizationName4 String(40)
    CityName String(40)
    DistrictName String(40)
    PostalCode String(10)
    StreetPrefixName1 String(40)
    StreetPrefixName2 String(40)
    StreetName String(60)
    StreetSuffixName1 String(40)
    StreetSuffixName2 String(40)
    HouseNumber String(10)
    Country String(3)
    Region String(3)
    FormOfAddress String(4)
    TaxJurisdiction String(15)
    TransportZone String(10)
    POBox String(10)
    POBoxPostalCode String(10)
    EmailAddress String(241)
    MobilePhoneCountry String(3)
    MobileNumber String(30)
    PhoneNumberCountry String(3)
    PhoneNumber String(30)
    PhoneExtensionNumber String(10)
    FaxNumberCountry String(3)
    FaxAreaCodeSubscriberNumber String(30)
    FaxExtensionNumber String(10)
    """,
    (
        one("to_Partner", "A_SalesOrderHeaderPartner", "SalesOrder, PartnerFunction"),
        _TO_ORDER,
    ),
    operations="update",
    indexes=("SalesOrder",),
)

HEADER_CONDITION = entity_set(
    "A_SalesOrderHeaderPrElement",
    _OF_ORDER + _CONDITION,
    (_TO_ORDER,),
    operations="create update delete",
)

ITEM_CONDITION = entity_set(
    "A_SalesOrderItemPrElement",
    _OF_ITEM + _CONDITION,
    (
        _TO_ORDER,
        _TO_ITEM,
    ),
    operations="create update delete",
)

SCHEDULE_LINE = entity_set(
    "A_SalesOrderScheduleLine",
    """
    SalesOrder String(10) key ro alpha
    SalesOrderItem String(6) key ro alpha
    ScheduleLine String(4) key
    RequestedDeliveryDate DateTime(0) day
    ConfirmedDeliveryDate DateTime(0) day
    OrderQuantityUnit String(3)
    OrderQuantitySAPUnit String(3)
    OrderQuantityISOUnit String(3)
    ScheduleLineOrderQuantity Decimal(13,3) unit=OrderQuantitySAPUnit
    ConfdOrderQtyByMatlAvailCheck Decimal(13,3) unit=OrderQuantitySAPUnit
    DeliveredQtyInOrderQtyUnit Decimal(13,3) unit=OrderQuantitySAPUnit
    OpenConfdDelivQtyInOrdQtyUnit Decimal(13,3) unit=OrderQuantitySAPUnit
    CorrectedQtyInOrderQtyUnit Decimal(13,3) unit=OrderQuantitySAPUnit
    DelivBlockReasonForSchedLine String(2)
    """,
    operations="create update delete",
)

TEXT = entity_set(
    "A_SalesOrderText",
    _OF_ORDER + _TEXT,
    (_TO_ORDER,),
    operations="create update delete",
)

ITEM_TEXT = entity_set(
    "A_SalesOrderItemText",
    _OF_ITEM + _TEXT,
    (
        _TO_ORDER,
        _TO_ITEM,
    ),
    operations="create update delete",
)

FLOW = entity_set(
    "A_SalesOrderSubsqntProcFlow",
    """
    SalesOrder String(10) key alpha
    DocRelationshipUUID Guid key
    SubsequentDocument String(10) alpha
    SubsequentDocumentCategory String(4)
    ProcessFlowLevel String(2)
    OverallSDProcessStatus String(1)
    CreationDate DateTime(0) day
    CreationTime Time(0)
    LastChangeDate DateTime(0) day
    """,
    (_TO_ORDER,),
)

ITEM_FLOW = entity_set(
    "A_SalesOrderItmSubsqntProcFlow",
    """
    SalesOrder String(10) key alpha
    SalesOrderItem String(6) key alpha
    DocRelationshipUUID Guid key
    SubsequentDocument String(10) alpha
    SubsequentDocumentItem String(6) alpha
    SubsequentDocumentCategory String(4)
    ProcessFlowLevel String(2)
    RelatedProcFlowDocStsFieldName String(30)
    SDProcessStatus String(1)
    AccountingTransferStatus String(1)
    PrelimBillingDocumentStatus String(1)
    SubsqntDocItmPrecdgDocument String(10)
    SubsqntDocItmPrecdgDocItem String(6)
    SubsqntDocItmPrecdgDocCategory String(4)
    CreationDate DateTime(0) day
    CreationTime Time(0)
    LastChangeDate DateTime(0) day
    """,
    (
        _TO_ORDER,
        _TO_ITEM,
    ),
)

_ORDER_NUMBER = properties("SalesOrder String(11000) alpha")

SALES_MODEL = Model.of(
    "API_SALES_ORDER_SRV",
    (
        SALES_ORDER,
        ITEM,
        PARTNER,
        ITEM_PARTNER,
        PARTNER_ADDRESS,
        HEADER_CONDITION,
        ITEM_CONDITION,
        SCHEDULE_LINE,
        TEXT,
        ITEM_TEXT,
        FLOW,
        ITEM_FLOW,
    ),
    (
        Function("releaseApprovalRequest", "POST", _ORDER_NUMBER, "FunctionResult"),
        Function("rejectApprovalRequest", "POST", _ORDER_NUMBER, "FunctionResult"),
    ),
    {"FunctionResult": properties("Boolean Boolean req ro")},
)
