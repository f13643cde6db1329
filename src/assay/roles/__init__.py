"""What the engine asks of others: one small Protocol a role, every further ability a second Protocol."""

from __future__ import annotations

from collections.abc import Mapping

from assay.roles.gateway import (
    CapturesInPart,
    Card,
    Cardholder,
    Debits,
    HearsPayments,
    Payments,
    Refunds,
    RefundsInPart,
    Settles,
    Tokeniser,
)
from assay.roles.money import (
    GivesCredit,
    HasStores,
    OffersPayment,
    PaysLater,
    ReadsStatements,
    RefundsOrders,
    Reports,
    ShowsText,
    StatementForm,
    SwitchesCurrency,
    TakesReturns,
    TellsAnalytics,
    WalletSheet,
)
from assay.roles.running import (
    Asked,
    Intent,
    Operator,
    Undo,
)
from assay.roles.shop import (
    BackOffice,
    Basket,
    Cancels,
    CountsStock,
    Offers,
    PaymentKind,
    Purchase,
    ShippingOffer,
    Shop,
    ShopRefused,
    ShowsAnswers,
    Storefront,
    Submission,
    Submitted,
    TakesOtherMoney,
    UndoRefused,
    Writes,
)
from assay.roles.systems import (
    Carrier,
    Erp,
    FindsParcels,
    KeepsBooks,
    Rates,
    ReadsLabels,
    StockKeeper,
)
from assay.roles.token import Bearer
from assay.roles.wire import (
    ConnectorHead,
    Http,
    Reply,
)

ROLES: Mapping[str, type] = {
    "shop": Shop,
    "payments": Payments,
    "erp": Erp,
    "carrier": Carrier,
    "rates": Rates,
}
"""The roles systems have in a landscape, each with the Protocol its connectors keep."""
GATEWAYS = "gateways"
"""What a flow asks for by this name beside the roles: every payment gateway of the landscape, by its system's id."""

__all__ = [
    "GATEWAYS",
    "ROLES",
    "Asked",
    "BackOffice",
    "Basket",
    "Bearer",
    "Cancels",
    "CapturesInPart",
    "Card",
    "Cardholder",
    "Carrier",
    "ConnectorHead",
    "CountsStock",
    "Debits",
    "Erp",
    "FindsParcels",
    "GivesCredit",
    "HasStores",
    "HearsPayments",
    "Http",
    "Intent",
    "KeepsBooks",
    "Offers",
    "OffersPayment",
    "Operator",
    "PaymentKind",
    "Payments",
    "PaysLater",
    "Purchase",
    "Rates",
    "ReadsLabels",
    "ReadsStatements",
    "Refunds",
    "RefundsInPart",
    "RefundsOrders",
    "Reply",
    "Reports",
    "Settles",
    "ShippingOffer",
    "Shop",
    "ShopRefused",
    "ShowsAnswers",
    "ShowsText",
    "StatementForm",
    "StockKeeper",
    "Storefront",
    "Submission",
    "Submitted",
    "SwitchesCurrency",
    "TakesOtherMoney",
    "TakesReturns",
    "TellsAnalytics",
    "Tokeniser",
    "Undo",
    "UndoRefused",
    "WalletSheet",
    "Writes",
]
