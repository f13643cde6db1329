"""The bank that flows play: what it writes is what arrived, in both forms."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from assay.records import MinorAmount, Payout
from scenarios.bank_statement import booked, statements

SPACE = {"c": "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"}
TODAY = date(2026, 3, 12)


def payout(
    ref: str, minor: int, currency: str, *, system: str = "stripe", day: int = 11, status: str = "paid"
) -> Payout:
    """Return a payout that arrives on a day of March."""
    return Payout(
        system=system,
        ref=ref,
        amount=MinorAmount(minor, currency),
        status=status,
        created_at=datetime(2026, 3, day - 1, tzinfo=UTC),
        arrives_on=date(2026, 3, day),
    )


PAYOUTS = (
    payout("po_eur", 5379, "EUR"),
    payout("po_back", -120, "EUR", day=12),
    payout("po_yen", 8000, "JPY"),
    payout("isk", 123400, "ISK", system="adyen"),  # Adyen counts the króna with two decimals
    payout("po_later", 100, "EUR", day=13),
    payout("po_failed", 100, "EUR", status="failed"),
)


def test_a_payout_is_booked_when_it_has_arrived_in_the_currency_s_own_decimals() -> None:
    """What is under way, failed or late is not booked; a gateway's minor units become the bank's amount."""
    entries = {each.end_to_end: each for each in booked(PAYOUTS, TODAY)}
    assert {ref: str(each.amount) for ref, each in entries.items()} == {
        "po_eur": "53.79 EUR",
        "po_back": "-1.20 EUR",
        "po_yen": "8000 JPY",
        "isk": "1234 ISK",
    }
    assert entries["isk"].text == "ADYEN PAYOUT isk"


def test_a_payout_of_which_nobody_says_when_it_arrives_takes_two_days() -> None:
    """Some gateways say only that they sent it; the bank books it two days later, and no day sooner."""
    sent = replace(PAYOUTS[0], status="in_transit", arrives_on=None)
    assert not booked([sent], date(2026, 3, 11))
    assert [each.booked_on for each in booked([sent], date(2026, 3, 12))] == [date(2026, 3, 12)]


def test_a_camt_statement_holds_each_entry_once_and_adds_up() -> None:
    """One statement a currency; amounts are unsigned with their direction, and sum to the closing balance."""
    told = {}
    for content in statements(booked(PAYOUTS, TODAY), "camt.053"):
        [statement] = ET.fromstring(content).findall(".//c:Stmt", SPACE)
        currency = statement.findtext("c:Acct/c:Ccy", namespaces=SPACE)
        signed = {
            entry.findtext(".//c:EndToEndId", namespaces=SPACE): _signed(entry)
            for entry in statement.findall("c:Ntry", SPACE)
        }
        [closing] = [each for each in statement.findall("c:Bal", SPACE) if "CLBD" in "".join(each.itertext())]
        assert _signed(closing) == sum(signed.values())
        told[currency] = signed
    assert told == {
        "EUR": {"po_eur": Decimal("53.79"), "po_back": Decimal("-1.20")},
        "JPY": {"po_yen": Decimal(8000)},
        "ISK": {"isk": Decimal(1234)},
    }


def test_an_mt940_statement_writes_amounts_with_a_comma_always() -> None:
    """53,79 and 8000, are how SWIFT writes them; a debit carries its mark; lines end as SWIFT's do."""
    texts = [content.decode("ascii") for content in statements(booked(PAYOUTS, TODAY), "mt940")]
    entries = [
        found for text in texts for found in re.findall(r"^:61:(\d{6})\d{4}([CD])([\d,]+)NTRF", text, re.MULTILINE)
    ]
    assert sorted(entries) == [
        ("260311", "C", "1234,"),
        ("260311", "C", "53,79"),
        ("260311", "C", "8000,"),
        ("260312", "D", "1,20"),
    ]
    assert sorted(re.findall(r":62F:(.*)\r", "".join(texts))) == [
        "C260311ISK1234,",
        "C260311JPY8000,",
        "C260312EUR52,59",
    ]
    assert all(len(name) <= 16 for text in texts for name in re.findall(r":20:(.*)\r", text))


def test_the_same_payouts_make_the_same_statement_and_others_another() -> None:
    """A statement's name follows from what is in it, so that handing it in again is seen to be a repetition."""
    first, again = (statements(booked(PAYOUTS, TODAY), "camt.053") for _ in range(2))
    other = statements(booked(PAYOUTS[:1], TODAY), "camt.053")
    assert first == again
    assert not set(first) & set(other)


def _signed(element: ET.Element) -> Decimal:
    amount = Decimal(element.findtext("c:Amt", namespaces=SPACE) or "")
    return amount if element.findtext("c:CdtDbtInd", namespaces=SPACE) == "CRDT" else -amount
