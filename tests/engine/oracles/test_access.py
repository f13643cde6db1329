"""Card data is found wherever it is written down, shown masked, and nothing else is taken for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assay.events import Result
from assay.oracles.access import scan_text
from assay.records import Scan
from tests.engine.oracles.world import call, healthy, judged

VISA, AMEX = "4242424242424242", "378282246310005"


@pytest.mark.parametrize(
    ("text", "kind", "shown"),
    [
        (f'{{"number": "{VISA}"}}', "card number", "424242******4242"),
        ("paid with 4242 4242 4242 4242 today", "card number", "424242******4242"),
        ("5555-5555-5555-4444", "card number", "555555******4444"),
        (AMEX, "card number", "378282*****0005"),
        ("2223003122003222", "card number", "222300******3222"),
        ('{"cvc": "123"}', "check value", 'cvc": "***'),
        ("cvv2=1234&x", "check value", "cvv2=***"),
        ('\\"security_code\\": \\"999\\"', "check value", 'security_code\\": \\"***'),
        (";4242424242424242=2512101", "track data", "***"),
        ("%B4242424242424242^DOE/J", "track data", "***"),
        ("holder CANARY-7 paid", "holder", "C***"),
    ],
)
def test_card_data_is_found(text: str, kind: str, shown: str) -> None:
    """Numbers of today's ranges, check values by name, tracks and this run's canaries are found and shown masked."""
    scan = scan_text("log", text, {"CANARY-7": "holder"})
    assert (kind, shown) in [(each.kind, each.shown) for each in scan.traces]
    assert VISA not in repr(scan)
    assert (scan.place, scan.characters) == ("log", len(text))


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",
        "424242******4242",
        "424242…4242",
        "a4242424242424242",
        "42424242424242420",
        "1772442000000000",
        "4006381000000",
        "9999999999999995",
        "37828224631000",
        '"cvc_check": "pass"',
        '"cvc": "***"',
        "acvc=123",
        "cvc=12345",
        "1ZA1B2C31100000015",
        "",
    ],
)
def test_other_numbers_are_not_card_data(text: str) -> None:
    """Wrong check digits, masked numbers, instants, GTINs, tracking numbers and outcomes of checks are no card data."""
    assert scan_text("log", text, {"": "empty"}).traces == ()


def test_the_same_trace_is_told_once() -> None:
    """A number that stands in a text a hundred times is one trace."""
    assert len(scan_text("log", f"{VISA} " * 100, {}).traces) == 1


def test_a_trace_fails_the_order() -> None:
    """O-Z1 fails on card data in any text that was searched, and names the place (SEC-01, SEC-03)."""
    scans = (Scan(place="the shop's answer", characters=9), scan_text("merchant.log", f'{{"pan": "{VISA}"}}', {}))
    finding = judged("O-Z1", replace(healthy(), scans=scans))
    assert (finding.result, finding.expected) == (Result.FAIL, "no card data in merchant.log")
    assert VISA not in repr(finding)


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ("type=card&card[number]=***&card[cvc]=***", Result.FAIL),
        ("card%5Bnumber%5D=***", Result.FAIL),
        ('{"cardNumber": "***"}', Result.FAIL),
        ('{"cvc": "***"}', Result.FAIL),
        ("payment_method=pm_card_visa&amount=100", Result.PASS),
        ('{"cvc_check": "pass", "company": "x"}', Result.PASS),
    ],
)
def test_the_platform_never_sends_card_fields(body: str, result: Result) -> None:
    """O-Z1 fails where a call of the platform itself carried a card field, masked or not; an event may."""
    sent = call("stripe", "POST", "/v1/payment_methods", request_body=body)
    assert judged("O-Z1", replace(healthy(), calls=(sent,))).result is result
    assert judged("O-Z1", replace(healthy(), calls=(replace(sent, way="reverse"),))).result is Result.PASS


def test_nothing_searched_is_no_verdict() -> None:
    """O-Z1 does not pass where no text could be searched."""
    assert judged("O-Z1", replace(healthy(), scans=())).result is Result.NOT_EVALUATED
