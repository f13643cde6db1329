"""Frankfurter's connector against answers in the shape of its two published documents."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from assay.connectors.frankfurter import HEAD, Frankfurter, FrankfurterV1, Publications
from assay.errors import InfrastructureError
from assay.roles import Http, Rates

SPECS = Path(__file__).parents[2].parent / "shared" / "specs" / "frankfurter"
LATEST, RATES, PROVIDERS = "/v1/latest", "/v2/rates", "/v2/providers"
FRIDAY, MONDAY = "2026-02-27", "2026-03-02"
TABLES = {FRIDAY: {"USD": "1.12", "JPY": "163"}, MONDAY: {"USD": "1.1252", "JPY": "163.36"}}


def table(day: str, **changes: Any) -> bytes:
    """Version 1's answer for one day; numbers are written as texts here, so that no float comes between."""
    rates = ",".join(f'"{code}":{value}' for code, value in TABLES[day].items())
    fields = {"amount": "1.0", "base": '"EUR"', "date": f'"{day}"', "rates": f"{{{rates}}}", **changes}
    return ("{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}").encode()


def period(*days: str) -> bytes:
    """Version 1's answer for a span."""
    rates = ",".join(
        f'"{day}":{{' + ",".join(f'"{code}":{value}' for code, value in TABLES[day].items()) + "}" for day in days
    )
    return f'{{"base":"EUR","start_date":"{days[0]}","end_date":"{days[-1]}","rates":{{{rates}}}}}'.encode()


def record(day: str, quote: str, rate: str, *, base: str = "EUR", observed: str | None = None, key: str = "ECB") -> str:
    """A record of version 2, expanded where the day of observation is given."""
    more = ""
    if observed:
        more = f',"providers":[{{"key":"{key}","date":"{observed}","rate":{rate}}}]'
    return f'{{"date":"{day}","base":"{base}","quote":"{quote}","rate":{rate}{more}}}'


def listed(*records: str) -> bytes:
    """Version 2's answer."""
    return ("[" + ",".join(records) + "]").encode()


def by_span(asked: Any) -> tuple[int, bytes]:
    """Answer version 2's question for a span, or for the latest, from the tables above."""
    first, last = asked.query.get("from", MONDAY), asked.query.get("to", MONDAY)
    days = [day for day in TABLES if first <= day <= last]
    return 200, listed(*(record(day, code, rate) for day in days for code, rate in TABLES[day].items()))


@pytest.fixture
def version_1(http: Http) -> FrankfurterV1:
    """The connector of version 1."""
    return FrankfurterV1(http, {})


@pytest.fixture
def version_2(http: Http) -> Frankfurter:
    """The connector of version 2."""
    return Frankfurter(http, {})


def test_both_versions_tell_the_same_publication(vendor: Any, version_1: Rates, version_2: Rates) -> None:
    """The last publication is read as exact decimals of one euro with its day, whichever version tells it."""
    vendor.on("GET", LATEST, table(MONDAY))
    vendor.on("GET", RATES, by_span)
    for frankfurter in (version_1, version_2):
        assert isinstance(frankfurter, Rates)
        usd, jpy = frankfurter.latest()
        assert (usd.system, usd.base, usd.quote, usd.as_of) == ("frankfurter", "EUR", "USD", date(2026, 3, 2))
        assert (usd.value, jpy.value) == (Decimal("1.1252"), Decimal("163.36"))
    asked = vendor.asked[-1].query
    assert asked == {"base": "EUR", "providers": "ECB", "expand": "providers"}


def test_both_versions_tell_the_same_history(vendor: Any, version_1: Rates, version_2: Rates) -> None:
    """History begins with the day asked for and is oldest first; a weekend before Monday adds nothing."""
    vendor.on("GET", LATEST, table(MONDAY))
    vendor.on("GET", RATES, by_span)
    vendor.on("GET", f"/v1/{FRIDAY}..", period(FRIDAY, MONDAY))
    # Version 1 may begin with the working day before the one asked for: that is not what was asked.
    vendor.on("GET", "/v1/2026-02-28..", period(FRIDAY, MONDAY))
    for frankfurter in (version_1, version_2):
        assert [rate.as_of.day for rate in frankfurter.history(date(2026, 2, 27))] == [27, 27, 2, 2]
        assert [rate.as_of.day for rate in frankfurter.history(date(2026, 2, 28))] == [2, 2]
        assert frankfurter.history(date(2026, 3, 3)) == []


def test_a_long_history_is_read_in_pieces(vendor: Any, version_2: Frankfurter) -> None:
    """No question of version 2 spans more than the five years it serves, and the pieces leave no day out."""
    vendor.on("GET", RATES, by_span)
    assert len(version_2.history(date(1990, 1, 1))) == 4
    spans = [(asked.query["from"], asked.query["to"]) for asked in vendor.asked[1:]]
    assert spans[0][0] == "1999-01-04"
    assert spans[-1][1] == MONDAY
    for (_, end), (begin, _) in pairwise(spans):
        assert (date.fromisoformat(begin) - date.fromisoformat(end)).days == 1
    assert all((date.fromisoformat(end) - date.fromisoformat(begin)).days < 5 * 365 for begin, end in spans)


def test_pieces_that_overlap_tell_a_rate_once(vendor: Any, version_2: Frankfurter) -> None:
    """A piece that begins after a publication may carry its rate on; it is still one rate of one day."""
    carried = record(MONDAY, "USD", "1.1252", observed=MONDAY)
    vendor.on("GET", RATES, lambda asked: (200, listed(carried)))
    assert [rate.as_of.day for rate in version_2.history(date(2010, 1, 1))] == [2]


def test_a_rate_has_the_day_the_ecb_observed_it(vendor: Any, version_2: Frankfurter) -> None:
    """A record that carries Friday's rate on is Friday's; the euro, pegs and other providers' rates are left out."""
    records = listed(
        record(MONDAY, "EUR", "1", observed=MONDAY),
        record(MONDAY, "USD", "1.1252", observed=MONDAY),
        record(MONDAY, "AED", "4.1"),
        record(MONDAY, "RUB", "99.1", observed=MONDAY, key="CBR"),
        record(MONDAY, "JPY", "163", observed=FRIDAY),
    )
    vendor.on("GET", RATES, records)
    assert [rate.quote for rate in version_2.latest()] == ["USD"]
    found = version_2.history(date(2026, 2, 27))
    assert [(rate.quote, rate.as_of.day) for rate in found] == [("JPY", 27), ("USD", 2)]


def test_a_history_without_its_end_is_refused(vendor: Any, version_1: Rates, version_2: Rates) -> None:
    """An answer that stops before the last publication was cut off, and is never taken for the whole."""
    vendor.on("GET", LATEST, table(MONDAY))
    vendor.on("GET", f"/v1/{FRIDAY}..", period(FRIDAY))

    def cut_off(asked: Any) -> tuple[int, bytes]:
        return 200, listed(record(FRIDAY if "from" in asked.query else MONDAY, "USD", "1.1"))

    vendor.on("GET", RATES, cut_off)
    for frankfurter in (version_1, version_2):
        with pytest.raises(InfrastructureError) as refused:
            frankfurter.history(date(2026, 2, 27))
        assert "2026-03-02" in str(refused.value)


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (table(MONDAY, rates='{"USD":0}'), "a rate above 0 of EUR/USD on 2026-03-02"),
        (table(MONDAY, rates='{"USD":-1.1}'), "a rate above 0 of EUR/USD on 2026-03-02"),
        (table(MONDAY, rates='{"USD":null}'), "a rate above 0 of EUR/USD on 2026-03-02"),
        (table(MONDAY, rates='{"USD":NaN}'), "a decimal number"),
        (table(MONDAY, rates='{"dollar":1.1}'), "EUR/dollar"),
        (table(MONDAY, rates="{}"), "at least one rate"),
        (table(MONDAY, base='"USD"'), "EUR"),
        (table(MONDAY, amount="100"), "one euro"),
        (table(MONDAY, date='"yesterday"'), "YYYY-MM-DD"),
        (table(MONDAY)[:60], "a JSON object"),
        (b"<html>maintenance</html>", "a JSON object"),
    ],
)
def test_a_wrong_table_says_what_is_wrong(vendor: Any, version_1: Rates, broken: bytes, expected: str) -> None:
    """What version 1 does not publish is refused with source, pair and day."""
    vendor.on("GET", LATEST, broken)
    with pytest.raises(InfrastructureError) as refused:
        version_1.latest()
    assert expected in str(refused.value)
    assert LATEST in str(refused.value)
    assert "frankfurter" in str(refused.value)


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (listed(record(MONDAY, "USD", "0")), "a rate above 0 of EUR/USD on 2026-03-02"),
        (listed(record(MONDAY, "USD", "-1")), "a rate above 0 of EUR/USD on 2026-03-02"),
        (listed(record(MONDAY, "USD", '"much"')), "a decimal number"),
        (listed(record(MONDAY, "usd", "1.1")), "EUR/usd"),
        (listed(record(MONDAY, "EUR", "1.1", base="USD")), "EUR"),
        (listed(record("2026-02-30", "USD", "1.1")), "YYYY-MM-DD"),
        (listed(record(MONDAY, "USD", "1.1"), record(MONDAY, "USD", "1.2")), "one rate of EUR/USD on 2026-03-02"),
        (b"[]", "rates"),
        (b'{"rates":{}}', "a JSON list"),
        (listed(record(MONDAY, "USD", "1.1"))[:30], "a JSON list"),
    ],
)
def test_wrong_records_say_what_is_wrong(vendor: Any, version_2: Rates, broken: bytes, expected: str) -> None:
    """What version 2 does not publish is refused with source, pair and day."""
    vendor.on("GET", RATES, broken)
    with pytest.raises(InfrastructureError) as refused:
        version_2.latest()
    assert expected in str(refused.value)
    assert RATES in str(refused.value)


@pytest.mark.parametrize("status", [404, 422, 503])
def test_an_error_carries_frankfurters_own_message(vendor: Any, status: int, version_1: Rates, version_2: Any) -> None:
    """A refusal is told in Frankfurter's words with status and address, and never as an empty table."""
    vendor.on("GET", LATEST, {"message": "not today"}, status=status)
    vendor.on("GET", RATES, {"message": "not today"}, status=status)
    vendor.on("GET", PROVIDERS, {"message": "not today"}, status=status)
    for read in (version_1.latest, version_2.latest, version_2.publications):
        with pytest.raises(InfrastructureError, match="frankfurter refused: not today") as refused:
            read()
        assert f"status {status}" in str(refused.value)


def test_reads_the_publication_calendar(vendor: Any, version_2: Frankfurter) -> None:
    """The ECB's cadence, first and last day and what is overdue are read; what is not told is None."""
    other = {"key": "BOC", "name": "Bank of Canada", "currencies": ["USD"]}
    told = {"start_date": "1999-01-04", "end_date": MONDAY, "publish_cadence": "daily", "publishes_missed": 1}
    vendor.on("GET", PROVIDERS, [other, {"key": "ECB", "name": "European Central Bank", "currencies": [], **told}])
    assert version_2.publications() == Publications(
        first=date(1999, 1, 4), last=date(2026, 3, 2), cadence="daily", missed=1
    )
    vendor.on("GET", PROVIDERS, [{**other, "key": "ECB"}])
    assert version_2.publications() == Publications(first=None, last=None, cadence=None, missed=None)
    vendor.on("GET", PROVIDERS, [other])
    with pytest.raises(InfrastructureError, match="document"):
        version_2.publications()


def test_asks_only_for_what_is_published(vendor: Any, version_1: Rates, version_2: Frankfurter) -> None:
    """Every address and parameter the connector uses stands in the document of its version."""
    if not SPECS.exists():
        pytest.skip("Frankfurter's documents are not on this machine (../shared/specs/frankfurter)")
    first, second = (json.loads((SPECS / f"v{version}-openapi.json").read_text()) for version in (1, 2))
    vendor.on("GET", LATEST, table(MONDAY))
    vendor.on("GET", f"/v1/{FRIDAY}..", period(FRIDAY, MONDAY))
    vendor.on("GET", RATES, by_span)
    vendor.on("GET", PROVIDERS, [{"key": "ECB", "name": "", "currencies": []}])
    version_1.history(date(2026, 2, 27))
    version_2.history(date(2026, 2, 27))
    version_2.publications()
    assert {asked.path.replace(FRIDAY, "{start_date}")[3:] for asked in vendor.asked[:2]} <= set(first["paths"])
    assert {asked.path[3:] for asked in vendor.asked[2:]} <= set(second["paths"])
    parameters = {each["name"] for each in second["components"]["parameters"].values()}
    assert {name for asked in vendor.asked for name in asked.query} <= parameters
    assert all(server["url"].startswith(HEAD.live) for document in (first, second) for server in document["servers"])
