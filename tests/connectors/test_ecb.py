"""The ECB's connector against files in the shape of the ECB's own."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assay.connectors.ecb import Ecb, decode_rates
from assay.errors import InfrastructureError
from assay.roles import Http, Rates

SPECS = Path(__file__).parents[2].parent / "shared" / "specs" / "ecb"
DAILY = "/stats/eurofxref/eurofxref-daily.xml"
LAST_90 = "/stats/eurofxref/eurofxref-hist-90d.xml"
ALL = "/stats/eurofxref/eurofxref-hist.xml"


def published(*days: tuple[str, dict[str, str]]) -> bytes:
    """A file with these publications, as the ECB writes it."""
    cubes = "".join(
        f"<Cube time='{day}'>"
        + "".join(f"<Cube currency='{code}' rate='{rate}'/>" for code, rate in rates.items())
        + "</Cube>"
        for day, rates in days
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" '
        'xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">'
        f"<gesmes:subject>Reference rates</gesmes:subject><Cube>{cubes}</Cube></gesmes:Envelope>"
    ).encode()


MONDAY = ("2026-03-02", {"USD": "1.1252", "JPY": "163.36"})
FRIDAY = ("2026-02-27", {"USD": "1.1200", "JPY": "163.00"})


@pytest.fixture
def ecb(http: Http) -> Ecb:
    """The connector under test."""
    return Ecb(http, {})


def test_reads_the_last_publication(vendor: Any, ecb: Ecb) -> None:
    """Rates are exact decimals of one euro with the day of publication."""
    vendor.on("GET", DAILY, published(MONDAY))
    usd, jpy = ecb.latest()
    assert (usd.base, usd.quote, usd.value, usd.as_of) == ("EUR", "USD", Decimal("1.1252"), date(2026, 3, 2))
    assert jpy.value == Decimal("163.36")
    assert isinstance(ecb, Rates)


def test_history_is_oldest_first_from_that_day_on(vendor: Any, ecb: Ecb) -> None:
    """The 90-day file answers what it covers, a weekend before its first day included."""
    vendor.on("GET", LAST_90, published(MONDAY, FRIDAY))
    assert [rate.as_of.day for rate in ecb.history(date(2026, 2, 27))] == [27, 27, 2, 2]
    assert [rate.as_of.day for rate in ecb.history(date(2026, 2, 28))] == [2, 2]
    vendor.on("GET", LAST_90, published(MONDAY))
    assert {rate.as_of for rate in ecb.history(date(2026, 2, 28))} == {date(2026, 3, 2)}


def test_older_days_come_from_the_whole_history(vendor: Any, ecb: Ecb) -> None:
    """Working days before the 90-day file are read from the file of everything, never silently left out."""
    vendor.on("GET", LAST_90, published(MONDAY))
    vendor.on("GET", ALL, published(MONDAY, FRIDAY))
    assert len(ecb.history(date(2026, 2, 26))) == 4
    vendor.on("GET", ALL, b"gone", status=404)
    with pytest.raises(InfrastructureError, match="ecb"):
        ecb.history(date(2026, 2, 26))


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (b"<html><body>maintenance</body></html>", "Cube elements"),
        (b"not xml", "well-formed"),
        (published(("2026-03-02", {"USD": "0"})), "positive rate of EUR/USD on 2026-03-02"),
        (published(("2026-03-02", {"USD": "-1.1"})), "positive rate of EUR/USD on 2026-03-02"),
        (published(("2026-03-02", {"USD": "1,12"})), "positive rate of EUR/USD on 2026-03-02"),
        (published(("2026-03-02", {"USD": "NaN"})), "positive rate of EUR/USD on 2026-03-02"),
        (published(("2026-03-02", {"USD": "1." + "1" * 40})), "EUR/USD on 2026-03-02 with at most 15 digits"),
        (published(("2026-03-02", {"USD": "1E400"})), "EUR/USD on 2026-03-02 with at most 15 digits"),
        (
            published(("2026-03-02", {"USD": "1.1"}), ("2026-03-02", {"USD": "1.2"})),
            "one rate of EUR/USD on 2026-03-02",
        ),
        (published(("2026-03-02", {"usd": "1.1"})), "currency code"),
        (published(("yesterday", {"USD": "1.1"})), "YYYY-MM-DD"),
        (published(MONDAY, FRIDAY), "one publication"),
        (b"", "well-formed"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(vendor: Any, ecb: Ecb, broken: bytes, expected: str) -> None:
    """Anything but one publication is refused with address, expected and seen."""
    vendor.on("GET", DAILY, broken)
    with pytest.raises(InfrastructureError) as refused:
        ecb.latest()
    assert expected in str(refused.value)
    assert DAILY in str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_before_entities_grow(encoding: str) -> None:
    """A DTD is refused in any encoding, so that no entity is ever expanded."""
    bomb = (
        f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE Cube [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        '<Cube xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">&b;</Cube>'
    )
    with pytest.raises(InfrastructureError, match="reference rate file") as refused:
        decode_rates(bomb.encode(encoding))
    assert "document type" in str(refused.value)


def test_reads_the_ecbs_own_file() -> None:
    """The file the ECB published decodes unchanged."""
    if not (SPECS / "eurofxref-daily.xml").exists():
        pytest.skip("the ECB's file is not on this machine (../shared/specs/ecb)")
    rates = decode_rates((SPECS / "eurofxref-daily.xml").read_bytes())
    assert {rate.quote for rate in rates} >= {"USD", "JPY", "KRW", "ISK"}
    assert len({rate.as_of for rate in rates}) == 1
