"""The cause of one record's difference, told from its two rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from assay.drift.pairs.causes import Known, cause_of, hints_of
from assay.drift.pairs.model import Amounts, Apart, Cause, Class, Difference, Field, Kind, Pair, Side

CENTS = Amounts(unit="minor", currency_column="currency")
IN_EUR = Amounts(unit="minor", currency="EUR")
FIELDS = (
    Field(name="total", kind=Kind.MONEY, left="total", right="amount", left_amounts=CENTS, right_amounts=CENTS),
    Field(name="tax", kind=Kind.MONEY, left="tax", right="tax", left_amounts=CENTS, right_amounts=CENTS),
    Field(
        name="base", kind=Kind.MONEY, left="total", right="base", left_amounts=CENTS, right_amounts=IN_EUR, rate="rate"
    ),
    Field(
        name="each", kind=Kind.MONEY, left="each", right="each", left_amounts=CENTS, right_amounts=CENTS, quantity="n"
    ),
    Field(name="placed", kind=Kind.INSTANT, left="placed", right="placed"),
    Field(name="day", kind=Kind.DATE, left="day", right="day"),
    Field(name="name", kind=Kind.TEXT, left="name", right="name"),
    Field(name="sku", kind=Kind.IDENTIFIER, left="sku", right="sku"),
    Field(name="state", kind=Kind.STATUS, left="state", right="state", statuses={"paid": "20", "open": "10"}),
    Field(name="weight", kind=Kind.NUMBER, left="weight", right="weight"),
    Field(name="gift", kind=Kind.FLAG, left="gift", right="gift"),
    Field(name="lines", kind=Kind.LINES, left="lines", right="lines", members=("sku", "quantity:number")),
)
PAIR = Pair(
    name="orders",
    about="orders",
    left=Side(system="shop", source={}, key=("id",), placed="placed", changed="changed"),
    right=Side(system="erp", source={}, key=("id",), placed="placed", changed="changed"),
    fields=FIELDS,
)
RATES = {("USD", "EUR"): {date(2026, 7, 1 + n): Decimal("0.91") + Decimal(n) / 300 for n in range(9)}}
KNOWN = Known(rates=RATES)


def differing(name: str, left: Any, right: Any, **row: Any) -> Difference:
    """Return one record that differs in a field; `row` adds columns to the left's."""
    field = PAIR.field(name)
    ours = {"id": "1", "placed": "2026-07-08 10:15:00+00", "currency": "EUR", field.left: left, **row}
    theirs = {"id": "1", "currency": row.get("currency", "EUR"), field.right: right}
    texts = [None if each is None else str(each) for each in (left, right)]
    return Difference(
        key=("1",),
        classed=Class.DIFFERS,
        fields=(Apart(field=name, left=texts[0], right=texts[1]),),
        left=ours,
        right=theirs,
    )


USD = {"currency": "USD", "rate": "0.92"}
LINES = '[{"sku":"A","quantity":1},{"sku":"B","quantity":2},{"sku":"ship","quantity":1}]'
CASES = [
    ("total", 1990, 199000, {}, Cause.EXPONENT),
    ("total", 1990, 20, {}, Cause.EXPONENT),
    ("total", 8000, 80, {"currency": "JPY"}, Cause.EXPONENT),
    ("total", 1990, 2368, {}, Cause.TAX),
    ("total", 1990, 1672, {}, Cause.TAX),
    ("total", 1990, 1801, {"tax": 189}, Cause.TAX),
    ("total", 123456, 123458, {}, Cause.ROUNDING),
    ("total", 1993, 1995, {}, Cause.ROUNDING),
    ("total", 1972, 1900, {}, Cause.TRUNCATED),
    ("total", 5_000_000_000, 705_032_704, {}, Cause.TRUNCATED),
    ("total", 1990, -1990, {}, Cause.UNKNOWN),
    ("total", 1990, 1483, {}, Cause.UNKNOWN),
    ("total", "1e400", 1483, {}, Cause.UNKNOWN),
    ("base", 10000, 10000, USD, Cause.MISSING_CONVERSION),
    ("base", 10000, 8464, USD, Cause.DOUBLE_CONVERSION),
    ("base", 10000, 10870, USD, Cause.INVERSE_RATE),
    ("base", 100000, 92667, {"currency": "USD", "rate": "0.93333"}, Cause.OTHER_DAYS_RATE),
    ("each", 300, 1200, {"n": 4}, Cause.UNIT),
    ("placed", "2026-07-08T10:15:00Z", "2026-07-08 12:15:00+00", {}, Cause.TIME_ZONE),
    ("placed", "2026-07-08T10:15:00Z", "2026-07-08 00:00:00+00", {}, Cause.TRUNCATED),
    ("placed", "1783505700000", "1783505700", {}, Cause.UNIT),
    ("placed", "2026-07-08T10:15:00Z", "2026-07-08 10:52:13+00", {}, Cause.UNKNOWN),
    ("placed", "0000-00-00", "2026-07-08 10:52:13+00", {}, Cause.UNKNOWN),
    ("day", "2026-07-08", "2026-07-09", {"placed": "2026-07-08 22:30:00+00"}, Cause.TIME_ZONE),
    ("day", "2026-07-08", "2026-08-07", {}, Cause.UNKNOWN),
    ("name", "Søren Ærøskøbing", "SÃ¸ren Ã†rÃ¸skÃ¸bing", {}, Cause.ENCODING),
    ("name", "Zoë", "Zo\u00c3\u0083\u00c2\u00ab", {}, Cause.ENCODING),
    ("name", "Müller", "M?ller", {}, Cause.ENCODING),
    ("name", "Müller", "Muller", {}, Cause.ENCODING),
    ("name", "Müller & Co", "M&uuml;ller &amp; Co", {}, Cause.ENCODING),
    ("name", "Wilhelmina van den Berg", "Wilhelmina van", {}, Cause.TRUNCATED),
    ("name", "Wilhelmina van den Berg", "wilhelmina VAN den berg", {}, Cause.UNKNOWN),
    ("sku", "001234", "1234", {}, Cause.LEADING_ZEROS),
    ("sku", "1234", "00001234", {}, Cause.LEADING_ZEROS),
    ("sku", "4006381333931", "4.00638E+12", {}, Cause.TRUNCATED),
    ("sku", "e\u0301-1", "\u00e9-1", {}, Cause.ENCODING),
    ("state", "paid", "paid", {}, Cause.STATUS_MAP),
    ("state", "refunded", "10", {}, Cause.STATUS_MAP),
    ("state", "paid", "10", {}, Cause.UNKNOWN),
    ("weight", "1.250", "1250", {}, Cause.UNIT),
    ("weight", "2.5", "5.51156", {}, Cause.UNKNOWN),
    ("weight", "1.2345", "1.23", {}, Cause.ROUNDING),
    ("gift", "true", "false", {}, Cause.UNKNOWN),
    ("lines", LINES, '[{"sku":"A","quantity":1},{"sku":"B","quantity":2}]', {}, Cause.TRUNCATED),
    ("lines", LINES, '[{"sku":"A","quantity":1},{"sku":"B","quantity":2},{"sku":"x","quantity":1}]', {}, Cause.UNKNOWN),
]


@pytest.mark.parametrize(("name", "left", "right", "row", "cause"), CASES)
def test_one_record_names_its_cause(name: str, left: Any, right: Any, row: dict[str, Any], cause: Cause) -> None:
    """Two values that one known mistake makes of each other bear its name, and others bear none."""
    found = cause_of(PAIR, differing(name, left, right, **row), KNOWN)
    assert (found.cause, found.fields[0].cause) == (cause, cause), found.why


def test_a_zone_is_followed_over_its_summer_time() -> None:
    """The hour that Berlin's clocks are ahead in winter, the two in summer, and the repeated one are one mistake."""
    for left, right in (
        ("2026-01-08T10:00:00Z", "2026-01-08T11:00:00Z"),
        ("2026-07-08T10:00:00Z", "2026-07-08T12:00:00Z"),
        ("2026-10-25T00:59:59Z", "2026-10-25T02:59:59Z"),
        ("2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"),
    ):
        difference = differing("placed", left, right)
        labels = {hint.label for hint in hints_of(PAIR, difference, difference.fields[0])}
        assert "Europe/Berlin as UTC" in labels


def test_a_zone_is_told_of_instants_that_one_side_cuts_to_the_second() -> None:
    """An hour less the fraction that a side cuts off, or that the pair allows, is an hour; seconds more are not."""
    cut = differing("placed", "2026-11-03 08:03:23.233942+00", "2026-11-03 07:03:23+00")
    found = cause_of(PAIR, cut)
    assert (found.cause, found.why) == (Cause.TIME_ZONE, "placed is UTC taken for the local time of Europe/Berlin")
    fine = differing("placed", "2026-11-03 08:03:23.2+00", "2026-11-03 07:03:24.9+00")
    assert cause_of(PAIR, fine).cause is Cause.UNKNOWN
    near = replace(PAIR.field("placed"), skew=timedelta(seconds=2))
    allowed = replace(PAIR, fields=tuple(near if each.name == "placed" else each for each in FIELDS))
    assert cause_of(allowed, fine).cause is Cause.TIME_ZONE
    late = differing("placed", "2026-11-03 08:03:23.2+00", "2026-11-03 07:03:26.9+00")
    assert cause_of(allowed, late).cause is Cause.UNKNOWN


def test_a_day_of_publication_is_named() -> None:
    """Where the table of rates has the rate that was used, the day of that rate is told, and how far off it was."""
    found = differing("base", 1_000_000, 926_667, currency="USD", rate="0.93333")
    phrases = [hint.phrase for hint in hints_of(PAIR, found, found.fields[0], KNOWN)]
    assert "converted at the rate of 2026-07-06" in phrases
    assert "converted at the rate 2 publications before the order's own" in phrases


def test_the_lefts_earlier_value_is_stale() -> None:
    """A right that has what the left had before is behind, whatever else its value looks like."""
    known = Known(earlier={("1",): {"total": 199000, "state": "open"}})
    assert cause_of(PAIR, differing("total", 1990, 199000), known).cause is Cause.STALE
    assert cause_of(PAIR, differing("state", "paid", "10"), known).cause is Cause.STALE


def test_a_change_after_the_rights_last_one_is_stale() -> None:
    """A status that the right could not know yet is told as stale, not as a wrong map."""
    difference = replace(
        differing("state", "paid", "10"),
        left_at=datetime(2026, 7, 9, tzinfo=UTC),
        right_at=datetime(2026, 7, 8, tzinfo=UTC),
    )
    assert cause_of(PAIR, difference).cause is Cause.STALE


def test_the_record_is_named_for_the_field_that_tells_most() -> None:
    """Of several differing fields the one with a cause names the record, and each keeps its own."""
    one, other = differing("total", 1990, 1483), differing("sku", "0012", "12")
    both = replace(one, fields=(*one.fields, *other.fields), left={**(one.left or {}), **(other.left or {})})
    found = cause_of(PAIR, both)
    assert found.cause is Cause.LEADING_ZEROS
    assert found.why == "sku is shop's without its leading zeros"
    assert [each.cause for each in found.fields] == [Cause.UNKNOWN, Cause.LEADING_ZEROS]


def test_nothing_is_said_of_one_record_that_fits_any() -> None:
    """Two texts that have nothing to do with each other get neither a cause nor a sentence."""
    found = cause_of(PAIR, differing("name", "Ann Lee", "gadcgbebc d"))
    assert (found.cause, found.why, found.fields[0].why) == (Cause.UNKNOWN, "", "")


def test_what_the_engine_said_of_a_value_stays() -> None:
    """Why a value could not be compared is kept where its cause cannot be told."""
    unread = Apart(field="gone", left="1e400", right="1", why="no amount that fits")
    found = cause_of(PAIR, Difference(key=("1",), classed=Class.UNREADABLE, fields=(unread,), left={}, right={}))
    assert found.fields == (unread,)
    assert found.why == "gone is no amount that fits"


HOSTILE = (
    None,
    "",
    "NaN",
    "Infinity",
    "1e400",
    "-0",
    "9" * 90,
    "²",
    "٣٤٥",
    "\ufffd" * 200,
    "a\ufffd" * 300,
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "0000-00-00",
    "[[1],{}]",
    '{"a":1}',
    "\ud800",
    "\\u00zz%zz&#x110000;",
    "ä" * 20_000,
    "x" * 200_000,
)


@pytest.mark.parametrize(
    ("right", "phrase"),
    [
        ('[{"sku":"A","quantity":1},{"sku":"B","quantity":2}]', "the first 2 of shop's lines"),
        ('[{"sku":"A","quantity":1},{"sku":"ship","quantity":1}]', "without the line `B`"),
        (f"[{LINES[1:-1]},{LINES[1:-1]}]", "shop's lines, each twice"),
        ("[]", "without any of shop's lines"),
        (LINES.replace(":2}", ":200}"), "with a quantity of 100 times shop's"),
        (LINES.replace(":2}", ":3}"), "with a quantity exactly 1 more"),
        (LINES.replace('"B"', '"C"'), "with another sku in the lines"),
        (LINES[:-1] + ',{"sku":"gift","quantity":1}]', "with, besides, the line `gift`"),
    ],
)
def test_lines_say_what_became_of_them(right: str, phrase: str) -> None:
    """Lines left out, doubled, added or changed in one member are told as that."""
    difference = differing("lines", LINES, right)
    assert hints_of(PAIR, difference, difference.fields[0])[0].phrase == phrase


@pytest.mark.parametrize("field", [each.name for each in FIELDS])
def test_no_value_breaks_the_search(field: str) -> None:
    """Whatever two sides hold, the record is returned with its key and fields, and nothing is raised."""
    for left in HOSTILE:
        for right in (*HOSTILE, "1990"):
            found = cause_of(PAIR, differing(field, left, right, rate="NaN", n="0", tax="1e9999"), KNOWN)
            assert [each.field for each in found.fields] == [field]


def test_instants_that_are_counted_are_read_as_declared() -> None:
    """Milliseconds since 1970 of one side and text of the other are compared as instants, and a zone is told."""
    counted = replace(PAIR.field("placed"), left_zone="epoch_ms")
    pair = replace(PAIR, fields=(counted,))
    found = cause_of(pair, differing("placed", 1783505700000, "2026-07-08T12:15:00Z"))
    assert found.cause is Cause.TIME_ZONE
    assert found.why == "placed is the local time of Europe/Berlin taken for UTC"
