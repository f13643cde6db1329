"""API_PRODUCT_SRV, API_MATERIAL_STOCK_SRV and API_BUSINESS_PARTNER as far as the simulator offers them."""

from assay.simkit.odata import Model, entity_set, many, one

PRODUCT = entity_set(
    "A_Product",
    """
    Product String(40) key
    ProductType String(4)
    CreationDate DateTime(0) day ro
    CreatedByUser String(12) ro
    LastChangeDate DateTime(0) day ro
    LastChangedByUser String(12) ro
    LastChangeDateTime DateTimeOffset(7) ro
    IsMarkedForDeletion Boolean
    ProductOldID String(40)
    GrossWeight Decimal(13,3) unit=WeightUnit
    PurchaseOrderQuantityUnit String(3)
    WeightUnit String(3)
    NetWeight Decimal(13,3) unit=WeightUnit
    CountryOfOrigin String(3)
    ProductGroup String(9)
    BaseUnit String(3)
    ItemCategoryGroup String(4)
    ProductHierarchy String(18)
    Division String(2)
    VolumeUnit String(3)
    MaterialVolume Decimal(13,3) unit=VolumeUnit
    Brand String(4)
    ValidityStartDate DateTime(0) day
    ProductStandardID String(18)
    InternationalArticleNumberCat String(2)
    IsBatchManagementRequired Boolean
    ExternalProductGroup String(18)
    ProductManufacturerNumber String(40)
    IndustrySector String(1)
    """,
    (
        many("to_Description", "A_ProductDescription", "Product"),
        many("to_Plant", "A_ProductPlant", "Product"),
        many("to_ProductUnitsOfMeasure", "A_ProductUnitsOfMeasure", "Product"),
        many("to_SalesDelivery", "A_ProductSalesDelivery", "Product"),
    ),
    operations="create update",
)

DESCRIPTION = entity_set(
    "A_ProductDescription",
    """
    Product String(40) key
    Language String(2) key
    ProductDescription String(40)
    """,
    operations="create update delete",
)

PLANT = entity_set(
    "A_ProductPlant",
    """
    Product String(40) key
    Plant String(4) key
    PurchasingGroup String(3)
    CountryOfOrigin String(3)
    ProfileCode String(2)
    AvailabilityCheckType String(2)
    ProfitCenter String(10)
    Commodity String(17)
    MaintenanceStatusName String(15)
    IsMarkedForDeletion Boolean
    MRPType String(2)
    ProcurementType String(1)
    BaseUnit String(3)
    """,
    (many("to_StorageLocation", "A_ProductStorageLocation", "Product, Plant"),),
    operations="create update",
)

STORAGE_LOCATION = entity_set(
    "A_ProductStorageLocation",
    """
    Product String(40) key
    Plant String(4) key
    StorageLocation String(4) key
    WarehouseStorageBin String(10)
    MaintenanceStatus String(15) ro
    CreationDate DateTime(0) day ro
    IsMarkedForDeletion Boolean
    """,
    operations="create update",
)

UNIT = entity_set(
    "A_ProductUnitsOfMeasure",
    """
    Product String(40) key
    AlternativeUnit String(3) key
    QuantityNumerator Decimal(5,0) unit=BaseUnit
    QuantityDenominator Decimal(5,0) unit=AlternativeUnit
    MaterialVolume Decimal(13,3) unit=VolumeUnit
    VolumeUnit String(3)
    GrossWeight Decimal(13,3) unit=WeightUnit
    WeightUnit String(3)
    GlobalTradeItemNumber String(18)
    GlobalTradeItemNumberCategory String(2)
    UnitSpecificProductLength Decimal(13,3) unit=ProductMeasurementUnit
    UnitSpecificProductWidth Decimal(13,3) unit=ProductMeasurementUnit
    UnitSpecificProductHeight Decimal(13,3) unit=ProductMeasurementUnit
    ProductMeasurementUnit String(3)
    BaseUnit String(3)
    """,
    operations="create update delete",
)

SALES_DELIVERY = entity_set(
    "A_ProductSalesDelivery",
    """
    Product String(40) key
    ProductSalesOrg String(4) key
    ProductDistributionChnl String(2) key
    MinimumOrderQuantity Decimal(13,3) unit=BaseUnit
    SupplyingPlant String(4)
    DeliveryNoteProcMinDelivQty Decimal(13,3) unit=BaseUnit
    DeliveryQuantityUnit String(3)
    DeliveryQuantity Decimal(13,3) unit=DeliveryQuantityUnit
    SalesMeasureUnit String(3)
    IsMarkedForDeletion Boolean
    BaseUnit String(3)
    """,
    operations="create update",
)

PRODUCT_MODEL = Model.of("API_PRODUCT_SRV", (PRODUCT, DESCRIPTION, PLANT, STORAGE_LOCATION, UNIT, SALES_DELIVERY))

MATERIAL_STOCK = entity_set(
    "A_MaterialStock",
    """
    Material String(40) key
    MaterialBaseUnit String(3)
    """,
    (many("to_MatlStkInAcctMod", "A_MatlStkInAcctMod", "Material"),),
)

STOCK = entity_set(
    "A_MatlStkInAcctMod",
    """
    Material String(40) key
    Plant String(4) key
    StorageLocation String(4) key
    Batch String(10) key
    Supplier String(10) key alpha
    Customer String(10) key alpha
    WBSElementInternalID String(8) key
    SDDocument String(10) key alpha
    SDDocumentItem String(6) key alpha
    InventorySpecialStockType String(1) key
    InventoryStockType String(2) key
    WBSElementExternalID String(24)
    MaterialBaseUnit String(3)
    MatlWrhsStkQtyInMatlBaseUnit Decimal(31,14) unit=MaterialBaseUnit
    """,
    (one("to_MaterialStock", "A_MaterialStock", "Material"),),
    indexes=("Material,Plant",),
)

STOCK_MODEL = Model.of("API_MATERIAL_STOCK_SRV", (MATERIAL_STOCK, STOCK))

BUSINESS_PARTNER = entity_set(
    "A_BusinessPartner",
    """
    BusinessPartner String(10) key alpha
    Customer String(10) ro alpha
    BusinessPartnerCategory String(1)
    BusinessPartnerFullName String(81) ro
    BusinessPartnerGrouping String(4)
    BusinessPartnerName String(81) ro
    BusinessPartnerUUID Guid ro
    CorrespondenceLanguage String(2)
    CreatedByUser String(12) ro
    CreationDate DateTime(0) day ro
    CreationTime Time(0) ro
    FirstName String(40)
    FormOfAddress String(4)
    Industry String(10)
    IsNaturalPerson String(1)
    Language String(2)
    LastChangeDate DateTime(0) day ro
    LastChangeTime Time(0) ro
    LastChangedByUser String(12) ro
    LastName String(40)
    OrganizationBPName1 String(40)
    OrganizationBPName2 String(40)
    OrganizationBPName3 String(40)
    OrganizationBPName4 String(40)
    SearchTerm1 String(20)
    SearchTerm2 String(20)
    BusinessPartnerIsBlocked Boolean
    BusinessPartnerType String(4)
    ETag String(26) ro
    IndependentAddressID String(10) ro
    MiddleName String(40)
    PersonFullName String(80)
    PersonNumber String(10) ro
    BusinessPartnerIDByExtSystem String(20)
    """,
    (
        many("to_BuPaIdentification", "A_BuPaIdentification", "BusinessPartner"),
        many("to_BusinessPartnerAddress", "A_BusinessPartnerAddress", "BusinessPartner"),
        many("to_BusinessPartnerRole", "A_BusinessPartnerRole", "BusinessPartner"),
        many("to_BusinessPartnerTax", "A_BusinessPartnerTaxNumber", "BusinessPartner"),
        one("to_Customer", "A_Customer", "Customer"),
    ),
    operations="create update",
    indexes=("BusinessPartnerIDByExtSystem",),
)

IDENTIFICATION = entity_set(
    "A_BuPaIdentification",
    """
    BusinessPartner String(10) key alpha
    BPIdentificationType String(6) key
    BPIdentificationNumber String(60) key
    BPIdnNmbrIssuingInstitute String(40)
    BPIdentificationEntryDate DateTime(0) day
    Country String(3)
    Region String(3)
    ValidityStartDate DateTime(0) day
    ValidityEndDate DateTime(0) day
    """,
    operations="create update delete",
)

ROLE = entity_set(
    "A_BusinessPartnerRole",
    """
    BusinessPartner String(10) key alpha
    BusinessPartnerRole String(6) key
    ValidFrom DateTimeOffset(0)
    ValidTo DateTimeOffset(0)
    """,
    operations="create update",
)

TAX_NUMBER = entity_set(
    "A_BusinessPartnerTaxNumber",
    """
    BusinessPartner String(10) key alpha
    BPTaxType String(4) key
    BPTaxNumber String(20)
    BPTaxLongNumber String(60)
    """,
    operations="create update delete",
)

CUSTOMER = entity_set(
    "A_Customer",
    """
    Customer String(10) key alpha
    BillingIsBlockedForCustomer String(2)
    CreatedByUser String(12) ro
    CreationDate DateTime(0) day ro
    CustomerAccountGroup String(4)
    CustomerFullName String(220) ro
    BPCustomerFullName String(220) ro
    CustomerName String(80) ro
    BPCustomerName String(81) ro
    DeliveryIsBlocked String(2)
    OrderIsBlockedForCustomer String(2)
    PostingIsBlocked Boolean
    VATRegistration String(20)
    DeletionIndicator Boolean
    """,
    operations="update",
)

ADDRESS = entity_set(
    "A_BusinessPartnerAddress",
    """
    BusinessPartner String(10) key alpha
    AddressID String(10) key alpha
    ValidityStartDate DateTimeOffset(0)
    ValidityEndDate DateTimeOffset(0)
    AddressUUID Guid ro
    AdditionalStreetPrefixName String(40)
    AdditionalStreetSuffixName String(40)
    AddressTimeZone String(6)
    CareOfName String(40)
    CityName String(40)
    CompanyPostalCode String(10)
    Country String(3)
    County String(40)
    District String(40)
    FormOfAddress String(4) ro
    FullName String(80) ro
    HouseNumber String(10)
    HouseNumberSupplementText String(10)
    Language String(2)
    POBox String(10)
    Person String(10) ro
    PostalCode String(10)
    PrfrdCommMediumType String(3)
    Region String(3)
    StreetName String(60)
    StreetPrefixName String(40)
    StreetSuffixName String(40)
    AddressIDByExternalSystem String(20)
    """,
    (
        many("to_EmailAddress", "A_AddressEmailAddress", "AddressID"),
        many("to_MobilePhoneNumber", "A_AddressPhoneNumber", "AddressID", {"PhoneNumberType": "3"}),
        many("to_PhoneNumber", "A_AddressPhoneNumber", "AddressID", {"PhoneNumberType": "1"}),
    ),
    operations="create update delete",
)

EMAIL = entity_set(
    "A_AddressEmailAddress",
    """
    AddressID String(10) key alpha
    Person String(10) key
    OrdinalNumber String(3) key
    IsDefaultEmailAddress Boolean
    EmailAddress String(241)
    SearchEmailAddress String(20) ro
    AddressCommunicationRemarkText String(50)
    """,
    operations="create update delete",
    indexes=("EmailAddress",),
)

PHONE = entity_set(
    "A_AddressPhoneNumber",
    """
    AddressID String(10) key alpha
    Person String(10) key
    OrdinalNumber String(3) key
    DestinationLocationCountry String(3)
    IsDefaultPhoneNumber Boolean
    PhoneNumber String(30)
    PhoneNumberExtension String(10)
    InternationalPhoneNumber String(30) ro
    PhoneNumberType String(1)
    AddressCommunicationRemarkText String(50)
    """,
    operations="create update delete",
)

PARTNER_MODEL = Model.of(
    "API_BUSINESS_PARTNER",
    (BUSINESS_PARTNER, IDENTIFICATION, ROLE, TAX_NUMBER, CUSTOMER, ADDRESS, EMAIL, PHONE),
)
