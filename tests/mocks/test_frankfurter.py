"""The Frankfurter simulator over HTTP: both versions, days, digits and refusals, and its agreement with the ECB's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from mocks.ecb.calendar import is_publication_day
from mocks.ecb.walk import Walk
from mocks.frankfurter.history import FIRST_DAY, History, is_open, open_days
from tests.mocks.conftest import SimulatedClock, serving

Ask = Callable[..., httpx.Response]
MONDAY = datetime(2026, 3, 9, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service on a Monday morning, when Friday's rates are the newest."""
    folder = tmp_path_factory.mktemp("frankfurter")
    with serving(folder, SimulatedClock(folder / "clock.json", MONDAY)) as serve:
        yield serve("frankfurter", seed=3)


@pytest.fixture(scope="module")
def ask(served: str) -> Iterator[Ask]:
    """A function (path, headers=None, **parameters) that asks it."""
    with httpx.Client(base_url=served, trust_env=False) as client:

        def get(path: str, headers: dict[str, str] | None = None, **parameters: str) -> httpx.Response:
            return client.get(path, params=parameters or None, headers=headers)

        yield get


def told(answer: httpx.Response, status: int = 200) -> Any:
    """Return what an answer holds, numbers as they are written."""
    assert answer.status_code == status, answer.text
    return json.loads(answer.text, parse_float=Decimal)


@pytest.mark.parametrize("seed", [1, 7])
def test_it_serves_what_the_ecb_publishes(seed: int) -> None:
    """Of one seed both simulators print the same rates to the digit, on any day and in any order of asking."""
    ecb, ours = Walk(seed), History(seed)
    for day in map(date.fromisoformat, ("2026-11-20", "2025-05-09", "2025-12-31", "2026-01-02", "2024-03-28")):
        published = {code: str(rate) for code, rate in ecb.rates(day).items()}
        assert {code: str(rate) for code, rate in ours.rates(day).items()} == published


def test_it_serves_on_the_days_the_ecb_publishes() -> None:
    """The days with rates are the TARGET days of three decades."""
    last = date(2046, 12, 31)
    days = [date.fromordinal(number) for number in range(FIRST_DAY.toordinal(), last.toordinal() + 1)]
    assert open_days(FIRST_DAY, last) == [day for day in days if is_publication_day(day)]
    assert not is_open(date(2026, 4, 3))


def test_latest_of_version_1(ask: Ask) -> None:
    """The newest rates are the last working day's, in the ECB's digits, with the base left out."""
    answer = ask("/v1/latest")
    content = told(answer)
    assert (content["amount"], content["base"], content["date"]) == (1, "EUR", "2026-03-06")
    published = Walk(3).rates(date(2026, 3, 6))
    assert content["rates"] == dict(sorted(published.items()))
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=86400"
    assert ask("/v1/latest", {"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_base_symbols_and_amount_of_version_1(ask: Ask) -> None:
    """A base is divided out, symbols filter in either case, an amount multiplies; old names are known, too."""
    per_euro = Walk(3).rates(date(2026, 3, 6))
    content = told(ask("/v1/latest", base="usd", symbols="gbp,EUR,XXX"))
    assert content["rates"] == {
        "EUR": round(1 / per_euro["USD"], 5), "GBP": round(per_euro["GBP"] / per_euro["USD"], 5),
    }  # fmt: skip
    content = told(ask("/v1/latest", to="JPY", amount="10"))
    assert (content["amount"], content["rates"]) == (10, {"JPY": round(10 * per_euro["JPY"], 2)})
    assert told(ask("/v1/latest", **{"from": "GBP"}))["base"] == "GBP"


def test_small_rates_lose_their_digits_in_version_1(ask: Ask) -> None:
    """A converted rate gets decimals by its size: IDR 20,000 none, the way back a single digit (MON-29)."""
    assert told(ask("/v1/latest", base="GBP", symbols="IDR"))["rates"]["IDR"] % 1 == 0
    assert told(ask("/v1/latest", base="IDR", symbols="EUR"))["rates"]["EUR"] in (
        Decimal("0.00005"),
        Decimal("0.00006"),
    )
    [record] = told(ask("/v2/rates", base="IDR", quotes="EUR"))
    assert record["rate"] == round(1 / Walk(3).rates(date(2026, 3, 6))["IDR"], 6)


@pytest.mark.parametrize(
    ("day", "served_day"),
    [("2026-03-04", "2026-03-04"), ("2026-03-07", "2026-03-06"), ("2025-12-26", "2025-12-24"),
     ("2027-01-01", "2026-03-06")],
)  # fmt: skip
def test_a_day_without_rates_has_those_before(ask: Ask, day: str, served_day: str) -> None:
    """Weekends, holidays and days to come answer with the last day that has rates, and say which."""
    assert told(ask(f"/v1/{day}"))["date"] == served_day
    assert {each["date"] for each in told(ask("/v2/rates", date=day))} == {served_day}
    assert told(ask("/v2/rate/EUR/USD", date=day))["date"] == served_day


def test_periods(ask: Ask) -> None:
    """A period has each day with rates; one that begins on a Sunday begins on Friday; without an end it ends now."""
    content = told(ask("/v1/2026-02-22..2026-02-25", symbols="USD,JPY"))
    days = ["2026-02-20", "2026-02-23", "2026-02-24", "2026-02-25"]
    assert (content["start_date"], content["end_date"], list(content["rates"])) == (days[0], days[-1], days)
    assert set(content["rates"][days[1]]) == {"USD", "JPY"}
    assert list(told(ask("/v1/2026-03-05.."))["rates"]) == ["2026-03-05", "2026-03-06"]
    records = told(ask("/v2/rates", **{"from": "2026-02-22", "to": "2026-02-25", "quotes": "USD,EUR"}))
    assert [(each["date"], each["quote"]) for each in records] == [(day, c) for day in days for c in ("EUR", "USD")]


def test_records_of_version_2(ask: Ask) -> None:
    """A record a pair in alphabetical order with the base's identity; lines where they are asked for."""
    records = told(ask("/v2/rates"))
    assert [each["quote"] for each in records] == sorted(each["quote"] for each in records)
    assert {"date": "2026-03-06", "base": "EUR", "quote": "EUR", "rate": 1} in records
    native = {each["quote"]: each["rate"] for each in told(ask("/v2/rates", providers="ecb"))}
    assert native["IDR"] == Walk(3).rates(date(2026, 3, 6))["IDR"]
    answer = ask("/v2/rates", {"Accept": "application/x-ndjson"})
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line, parse_float=Decimal) for line in answer.text.splitlines()] == records
    [expanded] = told(ask("/v2/rates", quotes="USD", expand="providers"))
    assert expanded["providers"] == [{"key": "ECB", "date": "2026-03-06", "rate": expanded["rate"]}]
    assert told(ask("/v2/rates", providers="BOC")) == []
    assert told(ask("/v2/rate/usd/usd")) == {"date": "2026-03-06", "base": "USD", "quote": "USD", "rate": 1}


def test_weeks_and_months(ask: Ask) -> None:
    """Grouped rates are means that go by the period's first date."""
    period = {"from": "2026-01-01", "to": "2026-02-28", "quotes": "USD"}
    months = told(ask("/v2/rates", group="month", **period))
    # The period begins on a holiday, so with the last day of the year before.
    assert [each["date"] for each in months] == ["2025-12-01", "2026-01-01", "2026-02-01"]
    walk = Walk(3)
    seen = [walk.rates(day)["USD"] for day in open_days(date(2026, 2, 1), date(2026, 2, 28))]
    assert months[2]["rate"] == round(sum(seen, Decimal(0)) / len(seen), 4)
    assert 8 <= len(told(ask("/v2/rates", group="week", **period))) <= 11


def test_currencies_and_providers(ask: Ask) -> None:
    """Both versions name the currencies of now; all of them has the lev, too; the provider says what it missed."""
    names = told(ask("/v1/currencies"))
    assert names["USD"] == "United States Dollar"
    assert "EUR" in names
    assert "BGN" not in names
    assert {each["iso_code"] for each in told(ask("/v2/currencies"))} == set(names)
    lev = [each for each in told(ask("/v2/currencies", scope="all")) if each["iso_code"] == "BGN"]
    assert lev[0]["end_date"] == "2025-12-31"
    assert told(ask("/v2/currency/jpy"))["iso_numeric"] == "392"
    [provider] = told(ask("/v2/providers"))
    assert (provider["key"], provider["end_date"], provider["publishes_missed"]) == ("ECB", "2026-03-06", 0)


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/v1/latest?base=XYZ", 404, "not found"),
        ("/v1/latest?symbols=KWD", 404, "not found"),
        ("/v1/1998-12-31", 404, "not found"),
        ("/v1/2027-01-04..2027-01-08", 404, "not found"),
        ("/v1/2026-03-06..2026-03-02", 404, "not found"),
        ("/v1/yesterday", 404, "not found"),
        ("/v3/latest", 404, "not found"),
        ("/v1/2026-02-30", 422, "invalid date"),
        ("/v1/latest?base=USD&symbols=USD", 422, "bad currency pair"),
        ("/v1/latest?amount=0", 422, "invalid amount"),
        ("/v1/latest?amount=ten", 422, "invalid amount"),
        ("/v2/rates?provider=ecb", 422, "unknown parameter: provider"),
        ("/v2/rates?date=tomorrow", 422, "invalid date"),
        ("/v2/rates?date=2026-03-02&from=2026-03-01", 422, "conflicting params"),
        ("/v2/rates?from=2026-03-01&group=day", 422, "invalid group"),
        ("/v2/rates?expand=all", 422, "invalid expand: all"),
        ("/v2/rates?base=EUX&quotes=USD,QQQ", 422, "invalid currency: EUX,QQQ"),
        ("/v2/rates?from=2016-01-04&providers=ECB", 422, "range too long"),
        ("/v2/rate/EUR/XYZ", 422, "invalid currency: XYZ"),
        ("/v2/rate/EUR/KWD", 404, "not found"),
        ("/v2/currency/KWD", 404, "not found"),
    ],
)
def test_refusals(ask: Ask, path: str, status: int, message: str) -> None:
    """What cannot be answered is refused with a status and a message, and never with a rate of 1."""
    assert told(ask(path), status)["message"].startswith(message)


def test_other_methods_and_an_empty_answer(ask: Ask, served: str) -> None:
    """A method nobody knows is not found; version 2 has no records where there was nothing to record."""
    assert httpx.post(f"{served}/v1/latest", trust_env=False).status_code == 404
    assert told(ask("/v2/rates", date="1998-12-31")) == []
    assert told(ask("/v2/rates", **{"from": "2027-01-04"})) == []
    assert told(ask("/"))["name"] == "Frankfurter"


def test_settings_make_it_wrong(serve_simulator: Callable[..., str], sim_clock: SimulatedClock) -> None:
    """Frozen, late, incomplete, jumping, inverted and cut rates, all with status 200."""
    url = serve_simulator("frankfurter", {"frozen_at": "2026-03-01"}, seed=3)
    sim_clock.set(datetime(2026, 3, 9, 18, 0, tzinfo=UTC))

    def rates(**settings: Any) -> Any:
        httpx.post(f"{url}/__admin/settings", json=settings, trust_env=False).raise_for_status()
        return told(httpx.get(f"{url}/v1/latest", trust_env=False))

    assert rates()["date"] == "2026-02-27"
    assert told(httpx.get(f"{url}/v2/providers", trust_env=False))[0]["publishes_missed"] == 6
    right = rates(frozen_at=None)
    assert right["date"] == "2026-03-09"
    assert rates(late_s=4 * 3600)["date"] == "2026-03-06"
    wrong = rates(late_s=0, drop=["TRY"], jump={"ZAR": "1.08"}, inverse=["JPY"], digits=2)["rates"]
    assert "TRY" not in wrong
    assert wrong["ZAR"] == round(right["rates"]["ZAR"] * Decimal("1.08"), 2)
    assert wrong["JPY"] == round(1 / right["rates"]["JPY"], 2)
    assert wrong["USD"] == round(right["rates"]["USD"], 2)


def test_a_devaluation_is_the_same_at_both(serve_simulator: Callable[..., str], sim_clock: SimulatedClock) -> None:
    """A currency devalued from a day on has, digit for digit, the rates the simulated ECB gives it then."""
    told_both = {"devalued": {"INR": {"on": "2026-03-05", "by": "1.08"}}}
    sim_clock.set(MONDAY)
    ours, ecb = (serve_simulator(vendor, told_both) for vendor in ("frankfurter", "ecb"))
    answer = httpx.get(f"{ours}/v1/2026-03-02..2026-03-06", params={"symbols": "INR"}, trust_env=False)
    page = httpx.get(f"{ecb}/stats/eurofxref/eurofxref-hist-90d.xml", trust_env=False).text
    for day, rates in json.loads(answer.content, parse_float=Decimal)["rates"].items():
        published = page.partition(f'time="{day}"')[2].partition('currency="INR" rate="')[2].partition('"')[0]
        assert rates["INR"] == Decimal(published)
