"""Gathering: who is asked for what, what is read once, and what an unread witness leaves behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from assay.connectors import ups
from assay.dossier import Gatherer, gather, judging_of
from assay.errors import InfrastructureError
from assay.landscape import Landscape
from assay.profile import Environment, Policies, Rounding, System
from assay.records import Article, Call, CreationRule, Document, Order, Payment, Rate, ReferenceRule, Shipment
from assay.roles import ConnectorHead
from tests.engine.oracles.world import AT, NUMBER, READ, articles, call, count, healthy

WHOLE = healthy("JPY")


class Shop:
    """A shop that holds one order and counts what it is asked."""

    def __init__(self, order: Order, delay_s: float = 0) -> None:
        self.held = order
        self.asked: list[str] = []
        self.delay_s = delay_s

    def order(self, ref: str) -> Order:
        """The order, or nothing known."""
        self.asked.append("order")
        if ref not in (self.held.ref, "ord_2"):
            raise LookupError(f"the shop does not know {ref}")
        return replace(self.held, ref=ref)

    def orders(self, since: datetime, until: datetime) -> Sequence[Order]:
        """All orders."""
        self.asked.append("orders")
        return [self.held] if since <= self.held.placed_at < until else []

    def messages(self, ref: str) -> Any:
        """The messages."""
        time.sleep(self.delay_s)
        return WHOLE.messages

    def article(self, sku: str, currency: str) -> Article:
        """An article of the catalogue."""
        self.asked.append(f"article {sku} {currency}")
        return next(each for each in articles() if each.sku == sku)

    def stock_count(self, sku: str, at: datetime) -> Any:
        """A count."""
        return count(sku, 5, at=at)

    def order_text(self, ref: str) -> str:
        """The answer as it came."""
        return '{"number": "4242424242424242"}'


class Gateway:
    """A gateway that lists this order's payment and another's."""

    def __init__(self, delay_s: float = 0) -> None:
        self.delay_s = delay_s
        self.listed = 0
        self.span = (AT, AT)

    def payments(self, since: datetime, until: datetime) -> Sequence[Payment]:
        """Every payment of the span."""
        time.sleep(self.delay_s)
        self.listed += 1
        self.span = (since, until)
        return [WHOLE.payments[0], replace(WHOLE.payments[0], ref="pi_9", order_ref="ord_9")]

    def payment(self, ref: str) -> Payment:
        """One payment, one that lost its order's reference."""
        return replace(WHOLE.payments[0], ref=ref, order_ref=None)


class Books:
    """An ERP that holds the order."""

    delay_s = 0.0

    def documents_of(self, number: str) -> Sequence[Document]:
        """Its documents."""
        time.sleep(self.delay_s)
        return WHOLE.documents

    def documents(self, since: datetime, until: datetime) -> Sequence[Document]:
        """All sales orders."""
        return WHOLE.documents[:1]


class Carrier:
    """A carrier that knows one parcel by number and one more by reference."""

    def track(self, number: str) -> Shipment:
        """The parcel, or nothing known."""
        if number != NUMBER:
            raise LookupError(number)
        return WHOLE.shipments[0]

    def parcels_of(self, reference: str) -> Sequence[Shipment]:
        """Parcels by reference."""
        return [replace(WHOLE.shipments[0], tracking_number="1ZOTHER")]

    label_requests = staticmethod(ups.decode_label_requests)


class Publisher:
    """A publisher of two currencies."""

    def history(self, since: date) -> Sequence[Rate]:
        """Rates since a day."""
        assert since <= AT.date() - timedelta(days=29)
        return [*WHOLE.rates, replace(WHOLE.rates[0], quote="USD")]


class Journal:
    """A journal with these calls and gaps."""

    def __init__(self, calls: Sequence[Call] = (), gaps: Sequence[tuple[datetime, datetime]] = ()) -> None:
        self._calls, self._gaps, self.asked = calls, gaps, 0

    def calls(self, environment: str, *, since: Any = None, until: Any = None) -> Sequence[Call]:
        """All calls."""
        self.asked += 1
        return self._calls

    def gaps(self, environment: str) -> Sequence[tuple[datetime, datetime]]:
        """All gaps."""
        return self._gaps


SILENT = ["figures", "journal entries", "settlement", "statements", "store rates"]
ROLES = {"shop": "shop", "stripe": "payments", "sap": "erp", "ups": "carrier", "ecb": "rates"}


def landscape(order: Order | None = None, *, without: str = "", **connectors: Any) -> Landscape:
    """An environment of these systems; a fake for each that is not given."""
    held = order or WHOLE.order
    assert held is not None
    found: dict[str, Any] = {
        "shop": Shop(held), "stripe": Gateway(), "sap": Books(), "ups": Carrier(), "ecb": Publisher(), **connectors,
    }  # fmt: skip
    found = {name: each for name, each in found.items() if name != without}
    systems = {name: System(role=ROLES[name], mode="stub") for name in found}
    head = ConnectorHead(
        vendor="stripe",
        role="payments",
        live="",
        references=(ReferenceRule(method="POST", path="^/pay$", strong=("form:order",)),),
        creations=(
            CreationRule(kind="payment", method="POST", path="^/pay$", key="idempotency-key", purpose=("form:order",)),
        ),
    )
    return Landscape("local", Environment(systems=systems), found, {"stripe": head, "ups": ups.HEAD})


def test_every_witness_is_heard() -> None:
    """A dossier holds what each witness says of the order, and nothing of another order's."""
    dossier = gather(landscape(), "ord_1", base_currency="EUR", read_at=READ)
    assert [each.ref for each in dossier.payments] == ["pi_1"]
    assert dossier.documents == WHOLE.documents
    assert {each.tracking_number for each in dossier.shipments} == {NUMBER, "1ZOTHER"}
    assert {each.quote for each in dossier.rates} == {"JPY"}
    assert {each.sku for each in dossier.base_articles} == {"0017", "0018"}
    assert dossier.messages == WHOLE.messages
    assert [trace.kind for trace in dossier.scans[0].traces] == ["card number"]
    assert dossier.read_at == READ
    assert [role for role, _ in dossier.unread] == ["journal"]


def test_an_unknown_order_is_said() -> None:
    """Without the order there is nothing to ask the others by."""
    dossier = gather(landscape(), "nobody")
    assert (dossier.order, dossier.unread) == (None, (("shop", "the shop does not know nobody"),))


@pytest.mark.parametrize(
    ("system", "role"), [("stripe", "payments"), ("sap", "erp"), ("ups", "carrier"), ("ecb", "rates")]
)
def test_a_role_nobody_has_is_unread(system: str, role: str) -> None:
    """A system the environment lacks makes its oracles not evaluated instead of failing them."""
    dossier = gather(landscape(without=system), "ord_1")
    assert (role, "environment 'local' has no system of this role") in dossier.unread


def test_one_witness_that_fails_does_not_stop_the_rest() -> None:
    """What cannot be read is named with the first line of why, and everybody else is heard."""

    class Silent(Books):
        def documents_of(self, number: str) -> Sequence[Document]:
            raise InfrastructureError("sap timed out", hint="look")

    dossier = gather(landscape(sap=Silent()), "ord_1")
    assert dossier.missing("erp") == "erp: sap timed out"
    assert (dossier.documents, len(dossier.payments)) == ((), 1)


def test_payments_are_followed_by_the_shops_reference() -> None:
    """A payment that lost its order's reference is found by the shop's; what is paid elsewhere is not asked for."""
    order = WHOLE.order
    assert order is not None
    gift = replace(order.tenders[0], gateway="gift_card", ref="GIFT")
    lost = replace(order.tenders[0], ref="pi_lost")
    dossier = gather(landscape(replace(order, tenders=(gift, lost))), "ord_1")
    assert {each.ref for each in dossier.payments} == {"pi_1", "pi_lost"}
    plain = gather(landscape(replace(order, tenders=(), payment_refs=("pi_1", "pi_lost"))), "ord_1")
    assert {each.ref for each in plain.payments} == {"pi_1", "pi_lost"}


def test_a_number_no_carrier_knows_is_kept_apart() -> None:
    """A tracking number unknown to every carrier is no missing witness."""
    order = WHOLE.order
    assert order is not None
    dossier = gather(landscape(replace(order, tracking_numbers=("L-1", NUMBER))), "ord_1")
    assert dossier.unknown_parcels == ("L-1",)
    assert dossier.missing("carrier") is None


@pytest.mark.parametrize(("age_days", "is_known"), [(119, True), (120, False)])
def test_a_number_a_carrier_has_forgotten_says_nothing(age_days: int, is_known: bool) -> None:
    """Where a carrier keeps parcels for 120 days, an unknown number of an older order is a witness that is silent."""

    class Forgetful(Carrier):
        parcels_kept = timedelta(days=120)

    order = WHOLE.order
    assert order is not None
    held = landscape(replace(order, tracking_numbers=("L-1",)), ups=Forgetful())
    dossier = gather(held, "ord_1", read_at=order.placed_at + timedelta(days=age_days))
    assert dossier.unknown_parcels == (("L-1",) if is_known else ())
    assert (dossier.missing("carrier") is None) is is_known


def test_bundles_are_read_with_what_is_in_them() -> None:
    """The components of a bundle are read as articles too, each once."""
    order = WHOLE.order
    assert order is not None
    shop = Shop(replace(order, lines=(replace(order.lines[0], sku="SET"), order.lines[0])))
    dossier = gather(landscape(shop=shop), "ord_1", base_currency="EUR")
    assert {each.sku for each in dossier.base_articles} == {"SET", "0017", "0018"}
    assert sorted(each for each in shop.asked if "article" in each) == [
        "article 0017 EUR",
        "article 0018 EUR",
        "article SET EUR",
    ]


def test_calls_of_the_order_and_what_they_created() -> None:
    """Calls that name the order are its own, with what they created and under which key."""
    own = call(
        "stripe", "POST", "/pay", request_body="order=A1", id=1, request_headers={"idempotency-key": "k1"}
    )  # fmt: skip
    own = replace(own, request_headers={"idempotency-key": "k1"})
    other = replace(own, id="other", request_body="order=A2")
    dossier = gather(landscape(), "ord_1", journal=Journal([own, other]))
    assert dossier.calls == (own,)
    assert [(each.kind, each.key, each.purpose) for each in dossier.creations] == [("payment", "k1", "A1")]
    assert dossier.missing("journal") is None


def test_labels_are_read_out_of_the_journal() -> None:
    """A shipping call of the journal tells what the label was asked for with."""
    body = (
        '{"ShipmentRequest": {"Shipment": {"ShipTo": {"Name": "Zoe", "Phone": {"Number": "1"}, "Address": '
        '{"AddressLine": ["12 rue", "B"], "City": "Paris", "PostalCode": "75011", "CountryCode": "FR", '
        '"StateProvinceCode": "IDF"}}, "ReferenceNumber": [{"Value": "A1"}], "Package": {"PackageWeight": '
        '{"UnitOfMeasurement": {"Code": "KGS"}, "Weight": "2.8"}, "Dimensions": {"UnitOfMeasurement": '
        '{"Code": "CM"}, "Length": "20", "Width": "18", "Height": "35"}}}}}'
    )
    shipped = call("ups", "POST", "/api/shipments/v2409/ship", request_body=body)
    label = gather(landscape(), "ord_1", journal=Journal([shipped])).labels[0]
    assert (label.weight, label.weight_unit, label.length_unit) == (Decimal("2.8"), "KGS", "CM")
    assert (label.receiver.lines, label.receiver.region, label.receiver.phone) == (("12 rue", "B"), "IDF", "1")
    assert (label.references, label.dimensions, label.accepted) == (
        ("A1",),
        (Decimal(20), Decimal(18), Decimal(35)),
        True,
    )
    for other in (
        replace(shipped, method="GET"),
        replace(shipped, path="/api/rating/v2409/Shop"),
        replace(shipped, request_body="<20000 bytes>"),
        replace(shipped, request_body="{broken"),
        replace(shipped, request_body="{}"),
    ):
        assert ups.decode_label_requests(other) == []
    assert not ups.decode_label_requests(replace(shipped, status=400))[0].accepted


def test_a_gap_in_the_journal_is_no_witness() -> None:
    """A journal with a gap inside the run is unread; an older gap does not matter."""
    gap = (AT, AT + timedelta(minutes=1))
    dossier = gather(landscape(), "ord_1", journal=Journal(gaps=[gap]), since=AT)
    assert dossier.missing("journal") == "journal: the journal has a gap from 09:00:00 to 09:01:00 UTC"
    later = gather(landscape(), "ord_1", journal=Journal(gaps=[gap]), since=gap[1])
    assert later.missing("journal") is None


def test_what_serves_many_orders_is_read_once() -> None:
    """Two orders of one hour share the gateway's listing, the journal, the orders around them and the articles."""
    order = WHOLE.order
    assert order is not None
    gateway, journal, shop = Gateway(), Journal(), Shop(order)
    with Gatherer(landscape(stripe=gateway, shop=shop), journal=journal, base_currency="EUR") as gatherer:
        gatherer.dossier("ord_1")
        gatherer.dossier("ord_2")
    assert gateway.span[0] < AT < gateway.span[1]
    assert (gateway.listed, journal.asked, shop.asked.count("orders")) == (1, 1, 1)
    assert shop.asked.count("article 0017 EUR") == 1


def test_witnesses_are_asked_at_once() -> None:
    """Reading takes as long as the slowest witness, not as long as all of them."""
    order = WHOLE.order
    assert order is not None
    books = Books()
    books.delay_s = 0.3
    began = time.monotonic()
    gather(landscape(stripe=Gateway(0.3), sap=books, shop=Shop(order, 0.3)), "ord_1")
    assert time.monotonic() - began < 0.6


def test_logs_may_be_searched() -> None:
    """A log the profile names is searched once for all orders, with this run's canaries."""
    reads = []

    def log() -> str:
        reads.append(1)
        return "holder CANARY"

    with Gatherer(landscape(), logs={"app.log": log}, canaries={"CANARY": "holder"}) as gatherer:
        first = gatherer.dossier("ord_1")
        gatherer.dossier("ord_2")
    assert [each.traces[0].kind for each in first.scans if each.place == "app.log"] == ["holder"]
    assert len(reads) == 1


def test_the_erp_is_asked_beside_the_shop_where_the_number_is_known() -> None:
    """Once the shop has listed an order, shop and ERP are read at the same time, and the ERP once."""
    erp_began, numbers = threading.Event(), []

    class Waiting(Shop):
        def order(self, ref: str) -> Order:
            assert erp_began.wait(10), "the ERP was not asked before the shop answered"
            return super().order(ref)

    class Told(Books):
        def documents_of(self, number: str) -> Sequence[Document]:
            numbers.append(number)
            erp_began.set()
            return super().documents_of(number)

    order = WHOLE.order
    assert order is not None
    with Gatherer(landscape(shop=Waiting(order), sap=Told())) as gatherer:
        assert gatherer.orders_of(order.email or "", AT - timedelta(days=1), AT + timedelta(days=1)) == [order]
        assert gatherer.dossier("ord_1").documents == WHOLE.documents
    assert numbers == [order.number]


def test_a_number_that_changed_is_asked_for_again() -> None:
    """What the ERP said of the number the shop listed is not taken for the number the order has now."""
    order = WHOLE.order
    assert order is not None
    shop, numbers = Shop(order), []

    class Told(Books):
        def documents_of(self, number: str) -> Sequence[Document]:
            numbers.append(number)
            return super().documents_of(number) if number == "NEW" else ()

    with Gatherer(landscape(shop=shop, sap=Told())) as gatherer:
        gatherer.orders_of("", AT - timedelta(days=1), AT + timedelta(days=1))
        shop.held = replace(order, number="NEW")
        assert gatherer.dossier("ord_1").documents == WHOLE.documents
    assert sorted(numbers) == sorted([order.number, "NEW"])


def test_stock_is_counted_without_bundles() -> None:
    """Articles are counted at an instant; a bundle has no stock of its own."""
    with Gatherer(landscape()) as gatherer:
        found = gatherer.stock(["0017", "SET"], READ)
    assert [(each.sku, each.at) for each in found] == [("0017", READ)]


def test_a_population_is_every_list() -> None:
    """The lists of a window are read from shop, gateway and ERP; the shop's from some days before."""
    with Gatherer(landscape(), read_at=READ) as gatherer:
        found = gatherer.population(AT + timedelta(minutes=-30), AT + timedelta(hours=1), [WHOLE])
        early = gatherer.population(AT + timedelta(days=2), AT + timedelta(days=3), [])
    assert [each.ref for each in found.orders] == ["ord_1"]
    assert (len(found.payments), len(found.documents), found.dossiers) == (2, 1, (WHOLE,))
    assert [role for role, _ in found.unread] == SILENT
    assert found.read_at == READ
    assert [each.ref for each in early.orders] == ["ord_1"]


def test_a_population_says_who_was_silent() -> None:
    """A listing that fails is named."""
    with Gatherer(landscape(without="sap")) as gatherer:
        found = gatherer.population(AT, AT + timedelta(hours=1), [])
    assert found.missing("erp") == "erp: environment 'local' has no system of this role"
    assert found.missing("payments") is None


def test_policies_become_parameters() -> None:
    """What the profile declares is judged with; what it does not stays undeclared."""
    policies = Policies(base_currency="EUR", rounding=Rounding(tax_included=True, level="line", mode="half_up"))
    judging = judging_of(policies)
    assert str(judging.rounding) == "prices with tax, rounded per line, half up"
    assert judging.base_currency == "EUR"
    assert judging.slack("erp") == timedelta(seconds=300)
    assert judging.slack("nobody") == timedelta()
    assert judging_of(Policies()).rounding is None


class LateGateway(Gateway):
    """A gateway that reports tomorrow, and whose signed words are in the journal."""

    def payments(self, since: datetime, until: datetime) -> Sequence[Payment]:
        """Nothing yet."""
        raise LookupError("no report of today")

    def payment(self, ref: str) -> Payment:
        """Nothing yet."""
        raise LookupError("no report of today")

    def payments_told(self, calls: Sequence[Call]) -> Sequence[Payment]:
        """The order's payment, which lost its order's reference."""
        self.listed += 1
        return [replace(WHOLE.payments[0], order_ref=None)] if calls else []


def test_a_gateway_that_reports_late_is_heard_in_the_journal() -> None:
    """Where there is a journal its signed words count, once for all orders; without one the witness is unread."""
    gateway = LateGateway()
    with Gatherer(
        landscape(stripe=gateway), journal=Journal([call("platform", "POST", "/webhooks/adyen")])
    ) as gatherer:
        dossier = gatherer.dossier("ord_1")
        gatherer.dossier("ord_2")
    assert [each.ref for each in dossier.payments] == ["pi_1"]
    assert (dossier.missing("payments"), gateway.listed) == (None, 1)
    assert gather(landscape(stripe=gateway), "ord_1").missing("payments") == "payments: no report of today"
