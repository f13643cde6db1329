"""Payments and their modifications at the Adyen simulator, and what its webhooks say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.mocks.adyen_caller import AUTHENTICATED, MERCHANT, Caller, Server, items, served
from tests.mocks.conftest import SimulatedClock
from tests.mocks.webhook_listener import Heard, listening


@pytest.fixture
def heard() -> Iterator[Heard]:
    """A listener for webhooks."""
    with listening() as listener:
        yield listener


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The simulator of this module."""
    with served(tmp_path_factory.mktemp("adyen")) as running:
        yield running


@pytest.fixture
def sim_clock(server: Server) -> SimulatedClock:
    """The simulator's clock."""
    return server.clock


@pytest.fixture
def start(server: Server, heard: Heard) -> Iterator[Callable[..., Caller]]:
    """A function (settings) that empties the simulator, sets it and returns a caller."""
    callers: list[Caller] = []

    def started(**settings: Any) -> Caller:
        server.reset(webhook_url=heard.url, **settings)
        callers.append(Caller(server.url))
        return callers[-1]

    yield started
    for caller in callers:
        caller.close()


def _told(heard: Heard) -> list[tuple[str, str, int]]:
    """Return event, success and amount of the webhooks heard, and forget them."""
    told = [(each["eventCode"], each["success"], each["amount"]["value"]) for each in items(heard)]
    heard.messages.clear()
    return told


def test_manual_capture_part_refund_and_too_much(
    start: Callable[..., Caller], heard: Heard, sim_clock: SimulatedClock
) -> None:
    """Each modification is taken at once, and its webhook says whether the money allowed it."""
    adyen = start(capture_delay="manual")
    paid = adyen.pay(5_000).json()
    assert (paid["resultCode"], paid["amount"]) == ("Authorised", {"currency": "EUR", "value": 5_000})
    payment = paid["pspReference"]
    sim_clock.settle()  # two webhooks of one instant come in any order
    for kind, value in (("refunds", 100), ("captures", 5_001), ("captures", 3_000), ("captures", 1_000)):
        taken = adyen.modify(payment, kind, value, reference="m-1")
        assert (taken.status_code, taken.json()["status"], taken.json()["paymentPspReference"]) == (
            201,
            "received",
            payment,
        )
        sim_clock.settle()
    adyen.modify(payment, "cancels")
    sim_clock.settle()
    for value in (1_000, 2_001, 2_000):
        adyen.modify(payment, "refunds", value)
        sim_clock.settle()
    first = items(heard)[1]
    assert (first["originalReference"], first["merchantReference"]) == (payment, "A100001")
    assert first["reason"] == "Transaction hasn't been captured, refund not possible"
    assert _told(heard) == [
        ("AUTHORISATION", "true", 5_000),
        ("REFUND", "false", 100),
        ("CAPTURE", "false", 5_001),
        ("CAPTURE", "true", 3_000),
        ("CAPTURE", "false", 1_000),
        ("CANCELLATION", "false", 5_000),
        ("REFUND", "true", 1_000),
        ("REFUND", "false", 2_001),
        ("REFUND", "true", 2_000),
    ]


def test_automatic_capture_is_never_charged_twice(
    start: Callable[..., Caller], heard: Heard, sim_clock: SimulatedClock
) -> None:
    """A payment captures itself at once or after its delay, once, and can be refunded from then on."""
    adyen = start()
    at_once = adyen.pay(900).json()["pspReference"]
    later = adyen.pay(700, captureDelayHours=24).json()["pspReference"]
    never = adyen.pay(500, additionalData={"manualCapture": "true"}).json()["pspReference"]
    sim_clock.settle()
    _told(heard)
    adyen.modify(at_once, "captures", 900)
    adyen.modify(at_once, "refunds", 900)
    adyen.modify(later, "refunds", 700)
    sim_clock.settle()
    assert sorted(_told(heard)) == [("CAPTURE", "false", 900), ("REFUND", "false", 700), ("REFUND", "true", 900)]
    sim_clock.advance(hours=24)
    adyen.modify(later, "refunds", 700)
    adyen.modify(never, "refunds", 500)
    sim_clock.settle()
    assert sorted(_told(heard)) == [("REFUND", "false", 500), ("REFUND", "true", 700)]
    assert adyen.pay(1, captureDelayHours=673).json()["errorCode"] == "164"


def test_several_partial_captures(start: Callable[..., Caller], heard: Heard, sim_clock: SimulatedClock) -> None:
    """An account that takes several partial captures takes them up to the authorised amount."""
    adyen = start(capture_delay="manual", multiple_partial_captures=True)
    payment = adyen.pay(1_000).json()["pspReference"]
    for value in (400, 500, 101, 100):
        adyen.modify(payment, "captures", value)
        sim_clock.settle()
    assert [success for _, success, _ in _told(heard)] == ["true", "true", "true", "false", "true"]


def test_cancel_reverse_and_adjust(start: Callable[..., Caller], heard: Heard, sim_clock: SimulatedClock) -> None:
    """An authorisation is changed and cancelled by either reference; a reversal refunds what was captured."""
    adyen = start(capture_delay="manual")
    payment, other, third = (adyen.pay(1_000, reference=f"B-{number}").json()["pspReference"] for number in range(3))
    sim_clock.settle()
    _told(heard)
    assert adyen.modify(payment, "amountUpdates", 1_500).json()["reference"] == "B-0"
    sim_clock.settle()
    adyen.modify(payment, "captures", 1_500)
    sim_clock.settle()
    adyen.modify(payment, "reversals")
    adyen.modify(other, "reversals")
    taken = adyen.post("/cancels", {"merchantAccount": MERCHANT, "paymentReference": "B-2"})
    assert (taken.status_code, taken.json()["paymentReference"]) == (201, "B-2")
    sim_clock.settle()
    reversals = [each for each in items(heard) if each["eventCode"] == "CANCEL_OR_REFUND"]
    actions = {each["originalReference"]: each["additionalData"]["modification.action"] for each in reversals}
    assert actions == {payment: "refund", other: "cancel"}
    assert ("TECHNICAL_CANCEL", "true", 1_000) in _told(heard)
    for each in (payment, other, third):
        adyen.modify(each, "captures", 1)
    sim_clock.settle()
    assert [success for _, success, _ in _told(heard)] == ["false"] * 3


def test_a_refund_in_another_currency_never_pays(
    start: Callable[..., Caller], heard: Heard, sim_clock: SimulatedClock
) -> None:
    """A modification in a currency that is not the payment's is told as failed and moves no money."""
    adyen = start()
    payment = adyen.pay(8_000, "JPY").json()["pspReference"]
    adyen.modify(payment, "refunds", 50, "EUR")
    adyen.modify(payment, "refunds", 8_000, "JPY")
    sim_clock.settle()
    refunds = [each for each in items(heard) if each["eventCode"] == "REFUND"]
    assert {(each["amount"]["currency"], each["success"]) for each in refunds} == {("EUR", "false"), ("JPY", "true")}


@pytest.mark.parametrize(
    ("name", "result", "reason", "code"),
    [
        ("DECLINED", "Refused", "Refused", "2"),
        ("NOT_ENOUGH_BALANCE : 51 : no funds", "Refused", "Not enough balance", "12"),
        ("ERROR", "Error", "Acquirer Error", "4"),
        ("FRAUD_CANCELLED", "Cancelled", "FRAUD-CANCELLED", "22"),
    ],
)
def test_published_test_values(start: Callable[..., Caller], name: str, result: str, reason: str, code: str) -> None:
    """A holder's name, or the number of its row, brings the published refusal."""
    adyen = start()
    by_number = adyen.pay(additionalData={"RequestedTestAcquirerResponseCode": int(code)})
    for paid in (adyen.pay(method={"holderName": name}), by_number):
        body = paid.json()
        assert (paid.status_code, body["resultCode"], body["refusalReason"], body["refusalReasonCode"]) == (
            200, result, reason, code,
        )  # fmt: skip


def test_open_payments_end_later(start: Callable[..., Caller], heard: Heard, sim_clock: SimulatedClock) -> None:
    """Received and Pending payments are authorised by a webhook later; holds and offers nobody uses run out."""
    adyen = start(capture_delay="manual", pending_s=3_600)
    assert adyen.pay(1, method={"holderName": "PENDING"}).json()["resultCode"] == "Received"
    ideal = adyen.pay(2, paymentMethod={"type": "ideal"}).json()
    assert adyen.details(adyen.visit(ideal["action"], "pending")).json()["resultCode"] == "Pending"
    debit = {"type": "sepadirectdebit", "iban": "DE89 3704 0044 0532 0130 00", "ownerName": "Zoë"}
    assert adyen.pay(3, paymentMethod=debit).json()["resultCode"] == "Received"
    adyen.pay(4, paymentMethod={"type": "ideal"})
    adyen.pay(5)
    sim_clock.settle()
    assert sorted(_told(heard)) == [("AUTHORISATION", "true", 3), ("AUTHORISATION", "true", 5)]
    sim_clock.advance(hours=1)
    assert sorted(_told(heard)) == [("AUTHORISATION", "true", 1), ("AUTHORISATION", "true", 2)]
    sim_clock.advance(hours=11)
    assert _told(heard) == [("OFFER_CLOSED", "true", 4)]
    sim_clock.advance(days=28)
    assert sorted(_told(heard)) == [("EXPIRE", "true", 1), ("EXPIRE", "true", 5)]


def test_a_shopper_sent_away(start: Callable[..., Caller], heard: Heard, sim_clock: SimulatedClock) -> None:
    """3D Secure authorises, refuses or cancels only when the shop hands over the result; twice gives the same."""
    adyen = start()
    for outcome, result in (("authorised", "Authorised"), ("refused", "Refused"), ("cancelled", "Cancelled")):
        sent = adyen.pay(300, method={"number": AUTHENTICATED}).json()
        assert sent["resultCode"] == "RedirectShopper"
        given = adyen.visit(sent["action"], outcome)
        sim_clock.settle()
        assert _told(heard) == []
        first, again = adyen.details(given).json(), adyen.details(given).json()
        assert (first, first["resultCode"], first["pspReference"]) == (again, result, sent["pspReference"])
        sim_clock.settle()
        assert _told(heard) == [("AUTHORISATION", str(outcome == "authorised").lower(), 300)]
    unused = adyen.pay(300, method={"number": AUTHENTICATED}).json()["action"]["url"].partition("MD=")[2]
    for forged in (unused, "X", ""):
        assert adyen.details(forged).json()["errorCode"] == "14_018"


def test_a_scheme_rejects_later(start: Callable[..., Caller], heard: Heard, sim_clock: SimulatedClock) -> None:
    """A capture and a refund that were carried out can fail the day after, and the money moves back."""
    adyen = start(capture_delay="manual")
    for name, captured, failed in (
        ("capture failed", True, "CAPTURE_FAILED"),
        ("refund failed", False, "REFUND_FAILED"),
    ):
        payment = adyen.pay(600, method={"holderName": name}).json()["pspReference"]
        adyen.modify(payment, "captures", 600)
        sim_clock.settle()
        if not captured:
            adyen.modify(payment, "refunds", 600)
        sim_clock.settle()
        _told(heard)
        sim_clock.advance(days=1)
        assert _told(heard) == [(failed, "true", 600)]
        adyen.modify(payment, "refunds", 600)
        sim_clock.settle()
        assert _told(heard) == [("REFUND", str(not captured).lower(), 600)]
