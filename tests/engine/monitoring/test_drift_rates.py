"""Exchange rates: stale where the calendar says so, and wrong where no published rate explains the shop's price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from typing import Any

import pytest

from assay.drift.look import Look
from assay.events import Finding, Result
from assay.oracles.feed import due_day, feed_age, is_target_day
from assay.records import Rate
from tests.engine.monitoring.rate_shops import look_at

GRACE = timedelta(hours=25)


def at(text: str) -> datetime:
    """Return an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rate(day: date, value: str, quote: str = "JPY") -> Rate:
    """Return a published rate."""
    return Rate(system="ecb", base="EUR", quote=quote, value=Decimal(value), as_of=day)


@pytest.mark.parametrize(
    ("day", "publishes"),
    [
        ("2026-03-06", True),
        ("2026-03-07", False),
        ("2026-04-03", False),
        ("2026-04-06", False),
        ("2026-04-07", True),
        ("2026-05-01", False),
        ("2026-12-24", True),
        ("2026-12-25", False),
        ("2027-03-26", False),
    ],
)
def test_the_target_calendar(day: str, publishes: bool) -> None:
    """Weekends, New Year, Good Friday, Easter Monday, 1 May, and two days of Christmas have no publication."""
    assert is_target_day(date.fromisoformat(day)) is publishes


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-03T14:00", "2026-03-02"),  # an hour before the next is out
        ("2026-03-03T15:30", "2026-03-03"),
        ("2026-03-07T12:00", "2026-03-06"),  # Saturday
        ("2026-03-09T14:30", "2026-03-06"),  # Monday before 16:00 in Frankfurt
        ("2026-04-07T13:00", "2026-04-02"),  # five days over Easter
        ("2026-03-30T13:59", "2026-03-27"),  # summer time: 16:00 is 14:00 UTC
        ("2026-03-30T14:01", "2026-03-30"),
    ],
)
def test_what_must_be_there(now: str, due: str) -> None:
    """The last day whose publication is out, in winter and summer, over weekends and Easter."""
    assert due_day(at(now), timedelta()) == date.fromisoformat(due)


def test_a_feed_is_not_stale_on_a_sunday() -> None:
    """Friday's rates are the newest until Monday's have been out for the grace; then they are stale."""
    friday = [rate(date(2026, 3, 6), "160.12")]
    assert feed_age(friday, at("2026-03-08T12:00"), GRACE).result is Result.PASS
    assert feed_age(friday, at("2026-03-10T12:00"), GRACE).result is Result.PASS
    stale = feed_age(friday, at("2026-03-10T17:00"), GRACE)
    assert stale.result is Result.FAIL
    assert "2026-03-06" in stale.seen
    assert feed_age([], at("2026-03-08T12:00"), GRACE).result is Result.NOT_EVALUATED


def test_a_feed_dated_ahead_is_named_with_pair_and_date() -> None:
    """A publication of a day to come is red, by the calendar of Frankfurt; one of today is not, before 16:00 either."""
    tomorrow = feed_age([rate(date(2026, 3, 7), "160.12")], at("2026-03-06T12:00"), GRACE)
    assert tomorrow.result is Result.FAIL
    assert tomorrow.seen == "EUR/JPY 160.12 of 2026-03-07" and "2026-03-06" in tomorrow.expected
    assert feed_age([rate(date(2026, 3, 6), "160.12")], at("2026-03-05T23:30"), GRACE).result is Result.PASS


WEEK = [
    *(rate(day, value) for day, value in ((date(2026, 3, 2), "160.12"), (date(2026, 3, 3), "161.40"))),
    *(rate(day, value) for day, value in ((date(2026, 3, 4), "162.95"), (date(2026, 3, 5), "163.08"))),
    rate(date(2026, 3, 2), "1.0812", "USD"),
    rate(date(2026, 3, 5), "1.0933", "USD"),
]
THURSDAY_NIGHT = at("2026-03-05T22:00")


def looked(
    used: Mapping[str, str],
    *,
    now: datetime = THURSDAY_NIGHT,
    published: list[Rate] | None = None,
    tables: Mapping[str, Sequence[Rate]] | None = None,
    **options: Any,
) -> Look:
    """Run the check over a shop that prices at these rates."""
    own = {currency: Decimal(value) for currency, value in used.items()}
    return look_at(own, now=now, published=WEEK if published is None else published, tables=tables, **options)


def wrong(look: Look) -> list[Finding]:
    """Return the violations."""
    return [each for each in look.findings if each.result is Result.FAIL]


def test_fresh_rates_are_well() -> None:
    """Prices at the newest rate, or at the last before while that is young, are right; age and distance are told."""
    assert not wrong(looked({"JPY": "163.08", "USD": "1.0933"}))
    look = looked({"JPY": "162.95"})
    assert not wrong(look)
    told = {each.name: each.value for each in look.measures}
    assert told["assay_drift_rate_age_seconds"] == pytest.approx(31 * 3600, abs=1)
    assert 0 < told["assay_drift_rate_deviation_ratio"] < 0.001


def test_old_rates_are_red() -> None:
    """Prices at Monday's rate on a Thursday night are stale, and the rate and its day are named."""
    [finding] = wrong(looked({"JPY": "160.12"}))
    assert finding.oracle == "O-M7"
    assert "160.12 of 2026-03-02" in finding.seen
    assert finding.systems == ("shop", "ecb")


@pytest.mark.parametrize(
    ("used", "cause"),
    [
        ("1", "placeholder"),
        ("0.006131959774343880", "divided"),
        ("26595.0864", "twice"),
        ("150.00", "nobody published"),
    ],
)
def test_a_wrong_rate_is_red_with_its_cause(used: str, cause: str) -> None:
    """A price that no published rate explains is red, and says which way it was converted."""
    [finding] = wrong(looked({"JPY": used}))
    assert cause in finding.cause
    assert "P-1 costs 129.00 EUR" in finding.seen


def test_a_currency_without_rate_is_red() -> None:
    """A currency the shop does not sell in any more is a finding with the shop's own words."""
    shop_sells = {"JPY": "163.08"}
    look = looked(shop_sells, currencies=["JPY", "USD"])
    [finding] = wrong(look)
    assert "does not sell in USD" in finding.seen


def test_a_currency_priced_by_hand_is_left_alone() -> None:
    """Currencies of policies.rates.price_lists, and the base currency, are not looked at."""
    look = looked({"JPY": "163.08"}, currencies=["JPY", "KWD", "EUR"])
    assert not wrong(look)


def test_a_stale_feed_is_red_whatever_the_shop_does() -> None:
    """When nothing was published since Monday the feed is red; the shop, which has its newest rate, is not."""
    [finding] = wrong(looked({"JPY": "160.12"}, published=[rate(date(2026, 3, 2), "160.12")]))
    assert finding.order_ref == "the feed of rates"


def test_a_currency_left_out_of_the_newest_publication_is_named() -> None:
    """A currency that was published before and is missing now is red with pair and day, whatever the shop does."""
    cut = [each for each in WEEK if (each.quote, each.as_of.day) != ("USD", 5)]
    [finding] = wrong(looked({"JPY": "163.08", "USD": "1.0812"}, published=cut))
    assert "EUR/USD in the publication of 2026-03-05" in finding.expected
    assert finding.seen == "none; the last is 1.0812 of 2026-03-02"


TABLE = {
    "2026-03-02": {"USD": "1.0812", "GBP": "0.83410", "JPY": "160.12", "INR": "94.1180", "CHF": "0.9391"},
    "2026-03-03": {"USD": "1.0871", "GBP": "0.83655", "JPY": "161.40", "INR": "94.3175", "CHF": "0.9402"},
    "2026-03-04": {"USD": "1.0904", "GBP": "0.83230", "JPY": "162.95", "INR": "94.7025", "CHF": "0.9387"},
    "2026-03-05": {"USD": "1.0933", "GBP": "0.83505", "JPY": "163.08", "INR": "95.0210", "CHF": "0.9415"},
}
PUBLISHED = [rate(date.fromisoformat(day), value, code) for day, row in TABLE.items() for code, value in row.items()]


def marked_up(day: str, markup: str, **other: str) -> dict[str, str]:
    """Return a day's rates with a markup, some of them replaced."""
    return {code: str(Decimal(value) * (1 + Decimal(markup))) for code, value in TABLE[day].items()} | other


def test_a_finding_says_how_old_the_whole_table_is() -> None:
    """Prices at old rates with a markup nobody declared say of which publication they are, and with which markup."""
    look = looked(marked_up("2026-03-02", "0.02"), published=PUBLISHED)
    findings = wrong(look)
    assert len(findings) == len(TABLE["2026-03-02"])
    for finding in findings:
        said = "the rates are those of 2026-03-02, three publications old, plus 2 % markup"
        assert finding.cause.endswith(said), finding.cause
    told = {each.name: each.value for each in look.measures}
    assert told["assay_drift_rate_age_seconds"] > 3 * 86_400


def test_a_finding_names_the_currency_that_deviates_alone() -> None:
    """Where one currency of an otherwise fresh table is wrong, it alone is red, and it is said by how much."""
    look = looked(marked_up("2026-03-05", "0", GBP="0.84424"), published=PUBLISHED)
    [finding] = wrong(look)
    assert finding.order_ref == "prices in GBP"
    assert "nobody published this rate" in finding.cause
    assert finding.cause.endswith("the rates are those of 2026-03-05, the newest; GBP alone deviates by +1.1%")


def test_a_table_of_no_publication_says_that_its_age_cannot_be_told() -> None:
    """Two wrong currencies leave nothing to date the table by, which is said instead of guessed."""
    look = looked(marked_up("2026-03-05", "0", GBP="0.84424", USD="1.2000"), published=PUBLISHED)
    findings = wrong(look)
    assert {each.order_ref for each in findings} == {"prices in GBP", "prices in USD"}
    assert all("the age of the rates cannot be told" in each.cause for each in findings)


def table_of(day: str, **other: str) -> list[Rate]:
    """Return a store's table of a day's publication in both directions, some of its rates replaced."""
    there = [rate(date.fromisoformat(day), value, code) for code, value in {**TABLE[day], **other}.items()]
    exact = Context(prec=12)
    return [*there, *(replace(each, base=each.quote, quote="EUR", value=exact.divide(1, each.value)) for each in there)]


def told(look: Look) -> dict[tuple[str, str, str], float]:
    """Return what was measured, by name, store and pair."""
    return {(each.name, each.labels["store"], each.labels.get("pair", "")): each.value for each in look.measures}


def test_each_store_is_judged_by_its_own_table() -> None:
    """Of two stores the one left behind is red, pair by pair with the age of its table; figures tell them apart."""
    look = looked(TABLE["2026-03-05"], published=PUBLISHED, tables={"main": table_of("2026-03-04")}, stores=["main"])
    assert not wrong(look)  # what is due may wait a day for whoever takes it over
    tables = {"main": table_of("2026-03-05"), "outlet": table_of("2026-03-02")}
    later = at("2026-03-07T18:30")
    look = looked(TABLE["2026-03-05"], now=later, published=PUBLISHED, tables=tables, stores=["main", "outlet"])
    stale = [each for each in wrong(look) if each.order_ref != "the feed of rates"]
    assert {each.order_ref for each in stale} == {f"rate EUR/{code} of store outlet" for code in TABLE["2026-03-02"]}
    assert all("the rates are those of 2026-03-02, three publications old" in each.cause for each in stale)
    assert any(each.order_ref == "5 rates of store main" for each in look.findings)
    figures = told(look)
    assert figures["assay_drift_rate_age_seconds", "outlet", ""] == pytest.approx(123.5 * 3600)
    assert figures["assay_drift_rate_age_seconds", "main", ""] == pytest.approx(51.5 * 3600)
    assert figures["assay_drift_rate_deviation_ratio", "main", "EUR/JPY"] < 1e-4
    assert figures["assay_drift_rate_deviation_ratio", "outlet", "EUR/JPY"] == pytest.approx(0.0183, abs=1e-4)


def test_one_wrong_rate_of_one_store_is_named_with_the_age_of_the_table() -> None:
    """A rate that nobody published is red for that store and pair alone; a store no option names counts as other."""
    tables = {"main": table_of("2026-03-05"), "outlet": table_of("2026-03-05", GBP="0.84424")}
    look = looked(TABLE["2026-03-05"], published=PUBLISHED, tables=tables, stores=["main"])
    [finding] = wrong(look)
    assert finding.order_ref == "rate EUR/GBP of store outlet"
    assert "nobody published this rate" in finding.cause and "those of 2026-03-05, the newest" in finding.cause
    assert {store for _, store, _ in told(look)} == {"main", "other"}
    assert told(look)["assay_drift_rate_deviation_ratio", "other", "EUR/GBP"] == pytest.approx(0.011, abs=1e-3)
