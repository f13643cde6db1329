"""The ECB simulator over HTTP: what is published, when, and in which steps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from xml.etree import ElementTree

import httpx
import pytest

from mocks.ecb.calendar import easter, is_publication_day, latest_day, previous
from mocks.ecb.currency import CURRENCIES
from mocks.ecb.walk import Walk
from tests.mocks.conftest import SimulatedClock

DAILY = "/stats/eurofxref/eurofxref-daily.xml"
HISTORY = "/stats/eurofxref/eurofxref-hist-90d.xml"
CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"
Rates = dict[str, Decimal]


def read(content: bytes) -> dict[str, Rates]:
    """Return the rates by day, in the order of the file."""
    return {
        cube.attrib["time"]: {rate.attrib["currency"]: Decimal(rate.attrib["rate"]) for rate in cube}
        for cube in ElementTree.fromstring(content).iter(CUBE)
        if "time" in cube.attrib
    }


def get(url: str, **headers: str) -> httpx.Response:
    """Ask for a file."""
    return httpx.get(url, headers=headers, trust_env=False)


@pytest.mark.parametrize(
    ("now", "published"),
    [
        ("2026-03-02T14:59:59", "2026-02-27"),  # Monday, winter: 16:00 is 15:00 UTC
        ("2026-03-02T15:00:00", "2026-03-02"),
        ("2026-07-01T13:59:59", "2026-06-30"),  # summer: 14:00 UTC
        ("2026-07-01T14:00:00", "2026-07-01"),
        ("2026-03-07T18:00:00", "2026-03-06"),  # Saturday
        ("2026-04-06T18:00:00", "2026-04-02"),  # Easter Monday, after Good Friday
        ("2026-05-01T18:00:00", "2026-04-30"),
        ("2026-12-26T18:00:00", "2026-12-24"),
        ("2027-01-01T18:00:00", "2026-12-31"),
    ],
)
def test_rates_come_out_at_16_in_frankfurt_on_target_days(now: str, published: str) -> None:
    """The newest rates at an instant are those of the last TARGET day whose 16:00 has passed."""
    assert latest_day(datetime.fromisoformat(now).replace(tzinfo=UTC)).isoformat() == published


def test_easter_is_right_for_a_century() -> None:
    """Easter Sundays, of which two TARGET holidays hang, are the known ones."""
    known = {1961: (4, 2), 2000: (4, 23), 2008: (3, 23), 2024: (3, 31), 2025: (4, 20), 2026: (4, 5), 2038: (4, 25)}
    assert {year: (easter(year).month, easter(year).day) for year in known} == known
    assert all(easter(year).weekday() == 6 for year in range(1950, 2050))


def test_daily_follows_the_clock(serve_simulator: Callable[..., str], sim_clock: SimulatedClock) -> None:
    """The daily file changes when the clock passes 16:00, with its validators; until then it answers 304."""
    url = serve_simulator("ecb") + DAILY
    sim_clock.set(datetime(2026, 3, 2, 14, 0, tzinfo=UTC))
    morning = get(url)
    assert list(read(morning.content)) == ["2026-02-27"]
    assert morning.headers["last-modified"] == "Fri, 27 Feb 2026 15:00:00 GMT"
    assert get(url, **{"If-None-Match": morning.headers["etag"]}).status_code == 304
    assert get(url, **{"If-Modified-Since": morning.headers["last-modified"]}).status_code == 304
    assert get(url, **{"If-Modified-Since": "yesterday"}).status_code == 200
    sim_clock.advance(hours=1)
    evening = get(url, **{"If-None-Match": morning.headers["etag"]})
    assert (evening.status_code, list(read(evening.content))) == (200, ["2026-03-02"])
    assert get(url, **{"If-Modified-Since": morning.headers["last-modified"]}).status_code == 200


def test_set_of_currencies_is_that_of_the_date(serve_simulator: Callable[..., str], sim_clock: SimulatedClock) -> None:
    """The lev is published until Bulgaria took the euro; there is no KWD at any time."""
    url = serve_simulator("ecb")
    sim_clock.set(datetime(2026, 1, 2, 17, 0, tzinfo=UTC))
    days = read(get(url + HISTORY).content)
    assert "BGN" in days["2025-12-31"]
    assert "BGN" not in days["2026-01-02"]
    assert len(days["2025-12-31"]) == 30
    assert not any("KWD" in rates for rates in days.values())


def test_history_holds_90_days_newest_first_and_ends_with_the_daily_rates(
    serve_simulator: Callable[..., str], sim_clock: SimulatedClock
) -> None:
    """The 90-day file is all TARGET days of 90 days, and its first day is the daily file."""
    url = serve_simulator("ecb")
    sim_clock.set(datetime(2026, 3, 2, 17, 0, tzinfo=UTC))
    days = read(get(url + HISTORY).content)
    expected = [date(2026, 3, 2) - timedelta(days=back) for back in range(90)]
    assert list(days) == [day.isoformat() for day in expected if is_publication_day(day)]
    assert read(get(url + DAILY).content)["2026-03-02"] == days["2026-03-02"]


def test_same_seed_same_history_in_any_order_and_another_seed_another() -> None:
    """A rate depends on seed, currency and date alone, not on what was asked before."""
    ahead, behind = Walk(7), Walk(7)
    days = [date(2026, 11, 2), date(2024, 2, 29), date(2025, 7, 7)]
    first = [ahead.rates(day) for day in days]
    assert [behind.rates(day) for day in reversed(days)] == first[::-1]
    assert Walk(8).rates(days[0]) != first[0]


@pytest.mark.parametrize("seed", range(4))
def test_steps_are_those_of_real_days(seed: int) -> None:
    """No daily step is beyond six times what is typical, none is always zero, and pegs hold."""
    walk, day, days = Walk(seed), date(2026, 6, 30), []
    while day > date(2025, 6, 30):
        days.append(walk.rates(day))
        day = previous(day)
    for currency in CURRENCIES:
        rates = [rates[currency.code] for rates in days if currency.code in rates]
        steps = [abs(float(new / old) - 1) for new, old in pairwise(rates)]
        own = currency.step_ppm + 3818 * abs(currency.dollar_percent) / 100
        assert max(steps) <= 6 * own / 1e6 + 2 * float(currency.tick / rates[0]), currency.code
        if currency.kind == "free":
            typical = sorted(steps)[len(steps) // 2]
            assert 0.4 * currency.step_ppm / 1e6 < typical < 1.2 * own / 1e6, currency.code
    assert {rates["BGN"] for rates in days if "BGN" in rates} == {Decimal("1.9558")}
    assert all(abs(rates["DKK"] - Decimal("7.46038")) < Decimal("0.02") for rates in days)
    assert all(Decimal("7.74") < rates["HKD"] / rates["USD"] < Decimal("7.86") for rates in days)


def test_rates_keep_the_ecbs_number_of_decimals() -> None:
    """A rate is printed with as many decimals as the ECB prints, zeros kept."""
    rates = Walk(3).rates(date(2026, 3, 2))
    digits = {code: -int(rate.as_tuple().exponent) for code, rate in rates.items()}
    assert {code: digits[code] for code in ("USD", "JPY", "GBP", "CZK", "IDR", "KRW")} == {
        "USD": 4, "JPY": 2, "GBP": 5, "CZK": 3, "IDR": 2, "KRW": 2,
    }  # fmt: skip
    assert rates["SEK"] % Decimal("0.0005") == 0
    assert rates["ISK"] % Decimal("0.10") == 0


def test_settings_make_the_feed_stale_late_or_incomplete(
    serve_simulator: Callable[..., str], sim_clock: SimulatedClock
) -> None:
    """A frozen feed keeps its day, a late one comes later, a dropped currency is missing, at run time too."""
    url = serve_simulator("ecb", {"frozen_at": "2026-02-22", "drop": ["TRY"]})
    sim_clock.set(datetime(2026, 3, 2, 15, 30, tzinfo=UTC))
    days = read(get(url + DAILY).content)
    assert list(days) == ["2026-02-20"]
    assert "TRY" not in days["2026-02-20"]
    httpx.post(f"{url}/__admin/settings", json={"frozen_at": None, "drop": [], "late_s": 3600}, trust_env=False)
    assert list(read(get(url + DAILY).content)) == ["2026-02-27"]
    sim_clock.advance(minutes=30)
    days = read(get(url + DAILY).content)
    assert list(days) == ["2026-03-02"]
    assert "TRY" in days["2026-03-02"]


def test_anything_else_is_a_page_of_the_site(serve_simulator: Callable[..., str]) -> None:
    """Unknown paths and methods get the site's page and status, a HEAD the headers alone."""
    url = serve_simulator("ecb")
    assert get(f"{url}/stats/eurofxref/eurofxref.csv").status_code == 404
    refused = httpx.post(url + DAILY, content=b"\xff{", trust_env=False)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    assert refused.headers["content-type"].startswith("text/html")
    head = httpx.head(url + DAILY, trust_env=False)
    assert (head.status_code, head.content) == (200, b"")


def test_a_devalued_currency_is_worth_less_from_its_day_on(
    serve_simulator: Callable[..., str], sim_clock: SimulatedClock
) -> None:
    """Every rate since that day is higher by the factor, those before are what they were, and other currencies too."""
    url = serve_simulator("ecb", {"devalued": {"TRY": {"on": "2026-02-26", "by": "1.08"}}})
    sim_clock.set(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    days = read(get(url + HISTORY).content)
    httpx.post(f"{url}/__admin/settings", json={"devalued": {}}, trust_env=False)
    usual = read(get(url + HISTORY).content)
    for day, rates in days.items():
        factor = Decimal("1.08") if day >= "2026-02-26" else Decimal(1)
        assert rates["TRY"] == (usual[day]["TRY"] * factor).quantize(usual[day]["TRY"])
        assert {**rates, "TRY": None} == {**usual[day], "TRY": None}
