"""Money is gathered from whoever has it: payments by the shop's references, settlement, books, statements, figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from assay.dossier import Gatherer, gather
from assay.landscape import Landscape
from assay.money import Money
from assay.profile import Environment, System
from assay.records import (
    AnalyticsEvent,
    BalanceEntry,
    CreditMovement,
    Figure,
    JournalLine,
    MinorAmount,
    Order,
    Payment,
    Payout,
    Rate,
    StatementLine,
    Tender,
)

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
SINCE, UNTIL = AT - timedelta(hours=1), AT + timedelta(hours=1)
EUR = Money(1990, "EUR")
ORDER = Order(system="shop", ref="ord_1", number="R-1001", status="confirmed", total=EUR, placed_at=AT)
ENTRY = BalanceEntry(
    system="stripe",
    ref="txn_1",
    kind="charge",
    gross=MinorAmount(1990, "EUR"),
    fee=MinorAmount(60, "EUR"),
    net=MinorAmount(1930, "EUR"),
    created_at=AT,
)
PAYOUT = Payout(system="stripe", ref="po_1", amount=MinorAmount(1930, "EUR"), status="paid", created_at=AT)


def tender(gateway: str, ref: str | None) -> Tender:
    """A way the order was paid."""
    nothing = Money.zero("EUR")
    return Tender(gateway=gateway, kind="card", ref=ref, status="paid", amount=EUR, captured=EUR, refunded=nothing)


def paid(system: str, ref: str, order_ref: str | None = None) -> Payment:
    """A payment at a gateway."""
    amount, nothing = MinorAmount(1990, "EUR"), MinorAmount(0, "EUR")
    return Payment(
        system=system,
        ref=ref,
        order_ref=order_ref,
        status="succeeded",
        amount=amount,
        captured=amount,
        refunded=nothing,
        created_at=AT,
    )


class Shop:
    """A shop with everything money asks of it."""

    def __init__(self, order: Order = ORDER) -> None:
        self._order = order
        self.credit_asked = 0
        self.spans: dict[str, tuple[datetime, datetime]] = {}

    def place(self, purchase: Any) -> str:
        """Not used here."""
        return ""

    def order(self, ref: str) -> Order:
        """The order."""
        return self._order

    def orders(self, since: datetime, until: datetime) -> Sequence[Order]:
        """All orders."""
        return [self._order]

    def analytics_events(self, order_ref: str) -> Sequence[AnalyticsEvent]:
        """What was told of the order."""
        return [AnalyticsEvent(name="purchase", order_ref=order_ref, value=EUR, at=AT)]

    def give_credit(self, customer: str, worth: Money, reason: str) -> None:
        """Not used here."""

    def credit(self, customer: str) -> Sequence[Money]:
        """Not used here."""
        return []

    def use_credit(self, cart: str, customer: str) -> Any:
        """Not used here."""

    def credit_movements(self, order_ref: str) -> Sequence[CreditMovement]:
        """Credit the order took."""
        self.credit_asked += 1
        return [CreditMovement(amount=-EUR, order_ref=order_ref, at=AT)]

    def import_statement(self, content: bytes, form: str) -> int:
        """Not used here."""
        return 0

    def statement_lines(self, since: datetime, until: datetime) -> Sequence[StatementLine]:
        """What the bank stated."""
        self.spans["statements"] = (since, until)
        return [StatementLine(system="shop", ref="l1", amount=EUR, booked_on=AT.date(), text="STRIPE PAYOUT po_1")]

    def figures(self, since: datetime, until: datetime) -> Sequence[Figure]:
        """What it reports."""
        self.spans["figures"] = (since, until)
        return [Figure(system="shop", name="revenue", total=EUR, since=since, until=until)]

    def stores(self) -> Sequence[str]:
        """Its stores."""
        return ["main", "world"]

    def store_rates(self, store: str) -> Sequence[Rate]:
        """What a store prices with."""
        return [Rate(system="shop", base="EUR", quote="JPY", value=Decimal("165.2"), as_of=AT.date())]

    def open_cart_in(self, store: str, currency: str) -> str:
        """Not used here."""
        return ""


class Gateway:
    """A gateway that knows some payments, lists some of them, or cannot list."""

    def __init__(self, system: str, *known: Payment, lists: bool = True, settles: bool = True) -> None:
        self.system, self.known, self.lists = system, {each.ref: each for each in known}, lists
        self.asked: list[str] = []
        self.settled_since: list[datetime] = []
        if settles:
            self.balance_entries = self._entries
            self.payouts = lambda since, until: [PAYOUT]

    def _entries(self, since: datetime, until: datetime) -> Sequence[BalanceEntry]:
        self.settled_since.append(since)
        if not self.lists:
            raise LookupError(f"{self.system} has no report of today")
        return [ENTRY]

    def payments(self, since: datetime, until: datetime) -> Sequence[Payment]:
        """Every payment of the span that belongs to an order."""
        if not self.lists:
            raise LookupError("no report of today")
        return [each for each in self.known.values() if each.order_ref]

    def payment(self, ref: str) -> Payment:
        """One payment."""
        self.asked.append(ref)
        if ref not in self.known:
            raise LookupError(f"{self.system} knows no payment {ref}")
        return self.known[ref]


class Books:
    """An ERP that shows its journal."""

    def documents_of(self, number: str) -> Sequence[Any]:
        """Nothing."""
        return []

    def documents(self, since: datetime, until: datetime) -> Sequence[Any]:
        """Nothing."""
        return []

    def journal_lines(self, since: datetime, until: datetime) -> Sequence[JournalLine]:
        """One line."""
        return [
            JournalLine(
                system="sap", entry="1", account="1", purpose="bank", amount=EUR, company=EUR, posted_on=AT.date()
            )
        ]


class Publisher:
    """A publisher of rates."""

    def __init__(self, system: str) -> None:
        self.system = system

    def history(self, since: date) -> Sequence[Rate]:
        """One rate."""
        return [Rate(system=self.system, base="EUR", quote="JPY", value=Decimal(165), as_of=AT.date())]


def landscape(**connectors: Any) -> Landscape:
    """An environment of these systems by name."""
    roles = {"shop": "shop", "sap": "erp", "ecb": "rates", "frankfurter": "rates"}
    systems = {name: System(role=roles.get(name, "payments"), mode="stub") for name in connectors}
    return Landscape("local", Environment(systems=systems), connectors, {})


def everything(**more: Any) -> Landscape:
    """A landscape in which everybody can be asked."""
    own = {"shop": Shop(), "stripe": Gateway("stripe"), "sap": Books(), "ecb": Publisher("ecb")}
    return landscape(**{**own, "frankfurter": Publisher("frankfurter"), **more})


def unread(found: Any) -> dict[str, str]:
    """What could not be read, by name."""
    return dict(found.unread)


def test_only_the_gateway_an_order_names_is_asked_for_its_payment() -> None:
    """A payment that lost its order is found at its own gateway, and no other gateway hears of it."""
    gateways = {name: Gateway(name, paid(name, f"{name}_1")) for name in ("stripe", "adyen", "paypal")}
    order = replace(ORDER, tenders=(tender("adyen", "adyen_1"), tender("gift_card", "g1")))
    dossier = gather(everything(shop=Shop(order), **gateways), "ord_1")
    assert [(each.system, each.ref) for each in dossier.payments] == [("adyen", "adyen_1")]
    assert [gateway.asked for gateway in gateways.values()] == [[], ["adyen_1"], []]


def test_a_reference_without_its_gateway_is_looked_for_at_each() -> None:
    """A shop that does not say who took the money is believed by whoever knows the payment."""
    gateways = {"stripe": Gateway("stripe"), "adyen": Gateway("adyen", paid("adyen", "p1"))}
    order = replace(ORDER, payment_refs=("p1",))
    dossier = gather(everything(shop=Shop(order), **gateways), "ord_1")
    assert [(each.system, each.ref) for each in dossier.payments] == [("adyen", "p1")]
    nowhere = gather(everything(shop=Shop(replace(ORDER, payment_refs=("p9",))), **gateways), "ord_1")
    assert unread(nowhere)["payments"] == "stripe knows no payment p9"


def test_a_listing_that_fails_leaves_what_the_shop_names() -> None:
    """The order's own payments are read, and what the listing would have told is noted by itself."""
    late = Gateway("adyen", paid("adyen", "p1"), lists=False)
    order = replace(ORDER, tenders=(tender("adyen", "p1"),))
    dossier = gather(everything(shop=Shop(order), adyen=late), "ord_1")
    assert [each.ref for each in dossier.payments] == ["p1"]
    assert unread(dossier)["payments listed"] == "adyen: no report of today"
    assert dossier.missing("payments") is None
    unpaid = gather(everything(adyen=late), "ord_1")
    assert unread(unpaid)["payments"] == "adyen: no report of today"


def test_what_the_shop_tells_others_of_an_order_is_gathered() -> None:
    """Events of analytics always; credit only where something was paid at no gateway."""
    shop = Shop(replace(ORDER, tenders=(tender("store_credit", None),)))
    dossier = gather(everything(shop=shop), "ord_1")
    assert [(each.name, each.value) for each in dossier.events] == [("purchase", EUR)]
    assert [each.amount for each in dossier.credit] == [-EUR]
    by_card = Shop(replace(ORDER, tenders=(tender("stripe", None),)))
    assert gather(everything(shop=by_card), "ord_1").credit == ()
    assert by_card.credit_asked == 0
    assert {each.system for each in dossier.rates} == set()  # the order's own currency has no rate


def test_money_after_the_charge_is_gathered_for_a_population() -> None:
    """Movements and statements from days before the window, figures for the window itself, rates of every store."""
    shop, gateway = Shop(), Gateway("stripe")
    with Gatherer(everything(shop=shop, stripe=gateway)) as gatherer:
        found = gatherer.population(SINCE, UNTIL, [])
    assert (found.entries, found.payouts) == ((ENTRY,), (PAYOUT,))
    assert [line.purpose for line in found.journal_lines] == ["bank"]
    assert [line.text for line in found.statement_lines] == ["STRIPE PAYOUT po_1"]
    assert [figure.since for figure in found.figures] == [SINCE]
    assert [store for store, _ in found.store_rates] == ["main", "world"]
    assert {rate.system for rate in found.published} == {"ecb", "frankfurter"}
    assert gateway.settled_since == [SINCE - timedelta(days=14)]
    assert shop.spans == {"statements": (SINCE - timedelta(days=14), UNTIL), "figures": (SINCE, UNTIL)}
    assert found.unread == ()


def test_a_gateway_that_cannot_tell_is_named_by_itself() -> None:
    """The others' movements are there; who has no verbs at all is no failure, unless nobody has."""
    late = Gateway("adyen", lists=False)
    with Gatherer(everything(adyen=late, paypal=Gateway("paypal", settles=False))) as gatherer:
        found = gatherer.population(SINCE, UNTIL, [])
    assert found.entries == (ENTRY,)
    assert unread(found)["settlement of adyen"] == "adyen has no report of today"
    assert found.missing("settlement", "settlement of paypal") is None
    with Gatherer(landscape(shop=Shop(), stripe=Gateway("stripe", settles=False))) as gatherer:
        bare = gatherer.population(SINCE, UNTIL, [])
    assert {"settlement", "journal entries", "rates"} <= set(unread(bare))


def test_one_gateway_without_a_list_leaves_the_others() -> None:
    """The payments of whoever can list them are judged; where nobody can, nothing is."""
    late = Gateway("adyen", lists=False)
    with Gatherer(everything(stripe=Gateway("stripe", paid("stripe", "p1", "ord_1")), adyen=late)) as gatherer:
        found = gatherer.population(SINCE, UNTIL, [])
    assert [each.ref for each in found.payments] == ["p1"]
    assert unread(found)["payments listed"] == "adyen: no report of today"
    with Gatherer(landscape(shop=Shop(), adyen=late)) as gatherer:
        silent = gatherer.population(SINCE, UNTIL, [])
    assert silent.missing("payments") == "payments: no report of today"


class Silent(Publisher):
    """A publisher that cannot be read."""

    def history(self, since: date) -> Sequence[Rate]:
        """Nothing but an error."""
        raise LookupError(f"{self.system} is away")


def test_one_publisher_that_is_away_leaves_the_other() -> None:
    """The rates of whoever answers are there, and the other is named by itself; without any, rates are unread."""
    yen = Shop(replace(ORDER, total=Money(8000, "JPY")))
    dossier = gather(everything(shop=yen, frankfurter=Silent("frankfurter")), "ord_1")
    assert {rate.system for rate in dossier.rates} == {"ecb"}
    assert unread(dossier) == {"rates of frankfurter": "frankfurter is away"} | {
        name: why for name, why in dossier.unread if not name.startswith("rates")
    }
    alone = gather(everything(shop=yen, ecb=Silent("ecb"), frankfurter=Silent("frankfurter")), "ord_1")
    assert alone.missing("rates") == "rates: ecb is away"
