"""What is the same value to each kind of field, and what cannot be compared at all."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from assay.drift.pairs.model import Field, Kind
from assay.rounding import Rounding
from tests.engine.drift.two_sides import amounts, classes, compared, field, pair_of

SAME, APART, UNREADABLE = None, "differs", "unreadable"


def _verdicts(each: Field, cases: dict[str, tuple[Any, Any, str | None]], **columns: Any) -> None:
    """Hold each case's two values against each other in one comparison, and expect its verdict."""
    left = [{"id": name, each.left: case[0], **columns} for name, case in cases.items()]
    right = [{"id": name, each.right: case[1], **columns} for name, case in cases.items()]
    found = classes(compared(pair_of(each), left, right))
    assert found == {name: case[2] for name, case in cases.items() if case[2] is not None}


def test_identifiers_are_compared_byte_for_byte() -> None:
    """Leading zeros, a trailing space and another Unicode form are differences; nothing and nothing are not."""
    _verdicts(
        field(Kind.IDENTIFIER),
        {
            "same": ("0012", "0012", SAME),
            "zeros": ("0012", "12", APART),
            "space": ("a", "a ", APART),
            "case": ("a", "A", APART),
            "form": ("é", "e\u0301", APART),
            "nothing": (None, None, SAME),
            "gone": ("a", None, APART),
            "empty": ("", None, APART),
        },
    )


def test_an_identifier_that_is_a_number_on_one_side_is_its_digits() -> None:
    """A side that keeps numbers has lost the zeros that the other's text has."""
    pair = pair_of(field(Kind.IDENTIFIER))
    left = [{"id": "a", "value": "12"}, {"id": "b", "value": "0012"}]
    right = [{"id": "a", "value": 12}, {"id": "b", "value": 12}]
    assert classes(compared(pair, left, right)) == {"b": "differs"}


def test_text_is_compared_after_normalisation() -> None:
    """One letter written in two ways is one letter; another letter is not."""
    _verdicts(
        field(Kind.TEXT),
        {
            "form": ("Köln", "Ko\u0308ln", SAME),
            "mojibake": ("Köln", "KÃ¶ln", APART),
            "letter": ("Köln", "Koln", APART),
        },
    )


def test_a_status_nobody_mapped_is_listed_and_not_guessed() -> None:
    """Known words are mapped, two to one if need be; a strange word of either side is unreadable, even twice."""
    _verdicts(
        field(Kind.STATUS, statuses={"paid": "10", "captured": "10", "sent": "30"}),
        {
            "same": ("paid", "10", SAME),
            "many to one": ("captured", "10", SAME),
            "another": ("paid", "30", APART),
            "strange left": ("lost", "10", UNREADABLE),
            "strange right": ("paid", "99", UNREADABLE),
            "strange twice": ("lost", "99", UNREADABLE),
            "strange alike": ("lost", "lost", UNREADABLE),
            "nothing": (None, None, SAME),
            "gone": ("paid", None, APART),
        },
    )


def test_without_a_map_every_status_is_listed() -> None:
    """A map that knows no word compares none."""
    _verdicts(field(Kind.STATUS), {"same": ("paid", "paid", UNREADABLE), "nothing": (None, None, SAME)})


@pytest.mark.parametrize("write", [str, Decimal, float])
def test_minor_and_major_units_are_one_amount(write: Callable[[str], Any]) -> None:
    """Cents and 19.90 meet by the currency's own decimals, as text, decimal and floating-point number."""
    money = field(Kind.MONEY, left_amounts=amounts("minor"), right_amounts=amounts("major"))
    majors = {"EUR": "19.90", "JPY": "1990", "KWD": "1.990"}
    left = [{"id": f"{code}{far}", "value": 1990 + far, "currency": code} for code in majors for far in (0, 1)]
    right = [{**row, "value": write(majors[str(row["currency"])])} for row in left]
    assert classes(compared(pair_of(money), left, right)) == dict.fromkeys(("EUR1", "JPY1", "KWD1"), "differs")


def test_amounts_that_are_none_are_listed() -> None:
    """Numbers of 400 digits, NaN, 30 digits and words are unreadable; a fraction of a cent is an amount, and apart."""
    money = field(Kind.MONEY, left_amounts=amounts("minor"), right_amounts=amounts("major"))
    _verdicts(
        money,
        {
            "same": ("1990", "19.90", SAME),
            "spaces": ("1990", " 19.9 ", SAME),
            "power": ("1990", "1.99e1", SAME),
            "huge": ("1990", "1e400", UNREADABLE),
            "huge both": ("1" + "0" * 400, "1" + "0" * 398, UNREADABLE),
            "nan": ("1990", "NaN", UNREADABLE),
            "infinite": ("1990", "inf", UNREADABLE),
            "30 digits": ("123456789012345678901234567890", "1234567890123456789012345678.90", UNREADABLE),
            "words": ("1990", "19,90 EUR", UNREADABLE),
            "grouped": ("1990", "1_9.90", UNREADABLE),
            "a part of a cent": ("1990", "19.905", APART),
            "too fine": ("1990", "19.9000000001", UNREADABLE),
            "zeros behind": ("1990", "19.9000000000000", SAME),
            "nothing": (None, None, SAME),
            "gone": ("1990", None, APART),
        },
        currency="EUR",
    )


def test_the_largest_amounts_are_told_apart_without_overflow() -> None:
    """Up to 400,000,000,000,000 minor units are compared, and of either sign; more is listed."""
    _verdicts(
        field(Kind.MONEY),
        {
            "large": (4 * 10**14, 4 * 10**14, SAME),
            "signs": (4 * 10**14, -4 * 10**14, APART),
            "least": (-4 * 10**14, None, APART),
            "too large": (4 * 10**14 + 1, 4 * 10**14 + 1, UNREADABLE),
            "largest": (2**63 - 1, -(2**63), UNREADABLE),
        },
    )


def test_another_currency_is_another_amount() -> None:
    """The same number in another currency differs, where no rate ties the two; an unknown code is unreadable."""
    for theirs in ("code", "currency"):
        money = field(Kind.MONEY, left_amounts=amounts("minor"), right_amounts=amounts("minor", theirs))
        left = [{"id": name, "value": 100, "currency": "EUR"} for name in "ab"]
        right = [{"id": name, "value": 100, theirs: code} for name, code in (("a", "EUR"), ("b", "USD"))]
        assert classes(compared(pair_of(money), left, right)) == {"b": "differs"}
    major = field(Kind.MONEY, left_amounts=amounts("minor"), right_amounts=amounts("major", "currency"))
    _verdicts(major, {"a": ("100", "1.00", UNREADABLE)}, currency="XXQ")


def _rounded(level: str, mode: str = "half_up", **more: Any) -> Rounding:
    return Rounding(tax_included=True, level=level, mode=mode, **more)  # type: ignore[arg-type]


def test_what_both_sides_round_may_lie_apart_by_what_their_policies_allow() -> None:
    """The bound grows with the units of each order; one minor unit beyond it is a difference."""
    money = field(
        Kind.MONEY,
        left_amounts=amounts("minor", rounding=_rounded("unit")),
        right_amounts=amounts("minor", rounding=_rounded("total")),
        quantity="units",
        extras=(),
    )
    # Half a minor unit for each of n units, and half for the total: (n + 1) / 2, and the whole number below.
    left, right, expected = [], [], {}
    for currency, units, far in itertools.product(("EUR", "JPY", "KWD"), (1, 2, 9), range(7)):
        name = f"{currency} {units} {far}"
        left.append({"id": name, "value": 5000, "currency": currency, "units": units})
        right.append({"id": name, "value": 5000 + far, "currency": currency})
        if far > (units + 1) // 2:
            expected[name] = "differs"
    assert classes(compared(pair_of(money), left, right)) == expected


@pytest.mark.parametrize("fixed", [None, "EUR"])
def test_an_amount_may_be_in_the_other_currency_by_the_orders_rate(fixed: str | None) -> None:
    """Either currency is right, within the one rounding of the conversion; an order without a rate is listed."""
    money = field(Kind.MONEY, left_amounts=amounts("minor"), right_amounts=amounts("minor", "code", fixed), rate="rate")
    orders = [
        ("same currency", 1990, "EUR", "1", 1990, SAME),
        ("converted", 8000, "JPY", "0.0061", 4880, SAME),
        ("rounded up", 1999, "USD", "0.9215", 1842, SAME),
        ("rounded down", 1999, "USD", "0.9215", 1843, APART),
        ("three decimals", 1_000, "KWD", "2.9741", 297, SAME),
        ("not converted", 8000, "JPY", "0.0061", 8000, APART),
        ("without a rate", 8000, "JPY", None, 4880, UNREADABLE),
        ("rate of nought", 8000, "JPY", "0", 4880, UNREADABLE),
    ]
    left = [{"id": name, "value": value, "currency": code, "rate": rate} for name, value, code, rate, _, _ in orders]
    right = [{"id": name, "value": theirs, "code": "EUR"} for name, _, _, _, theirs, _ in orders]
    expected = {name: verdict for name, *_, verdict in orders if verdict is not None}
    assert classes(compared(pair_of(money), left, right)) == expected


def test_numbers_are_equal_as_numbers() -> None:
    """1.50 is 1.5 whatever the types; what is no number is listed."""
    _verdicts(
        field(Kind.NUMBER),
        {
            "zeros": ("1.50", "1.5", SAME),
            "apart": ("1.50", "1.51", APART),
            "fine": ("0.000000000001", "0.000000000002", APART),
            "word": ("1.5", "one", UNREADABLE),
            "nan": ("NaN", "NaN", UNREADABLE),
            "negative": ("-0", "0", SAME),
        },
    )
    pair = pair_of(field(Kind.NUMBER))
    outcome = compared(
        pair,
        [{"id": "a", "value": 1.5}, {"id": "b", "value": 0.1}],
        [{"id": "a", "value": Decimal("1.500")}, {"id": "b", "value": Decimal("0.101")}],
    )
    assert classes(outcome) == {"b": "differs"}


def test_numbers_may_be_compared_to_so_many_decimals() -> None:
    """Both are rounded half to even: 0.125 and 0.12 agree to two decimals, 0.135 and 0.13 do not."""
    _verdicts(
        field(Kind.NUMBER, scale=2),
        {
            "even": ("0.125", "0.12", SAME),
            "odd": ("0.135", "0.13", APART),
            "up": ("0.135", "0.14", SAME),
            "below zero": ("-0.125", "-0.12", SAME),
            "more": ("0.1251", "0.13", SAME),
        },
    )


def test_instants_are_points_in_time_within_the_skew() -> None:
    """Zones are told from the text; so many seconds apart are allowed, a microsecond more is not."""
    _verdicts(
        field(Kind.INSTANT, skew=timedelta(seconds=2)),
        {
            "zones": ("2026-07-01T12:00:00+02:00", "2026-07-01T10:00:00Z", SAME),
            "no zone": ("2026-07-01 12:00:00", "2026-07-01T12:00:00Z", SAME),
            "skew": ("2026-07-01T12:00:00Z", "2026-07-01T12:00:02Z", SAME),
            "beyond": ("2026-07-01T12:00:00Z", "2026-07-01T12:00:02.000001Z", APART),
            "hours": ("2026-07-01T12:00:00Z", "2026-07-01T14:00:00Z", APART),
            "year 0": ("2026-07-01T12:00:00Z", "0000-00-00 00:00:00", UNREADABLE),
            "before Christ": ("0000-05-05 00:00:00", "0000-05-05 00:00:00", UNREADABLE),
            "year 99999": ("99999-01-01 00:00:00", "99999-01-01 00:00:00", UNREADABLE),
            "no day": ("2026-02-30 00:00:00", "2026-02-28 00:00:00", UNREADABLE),
            "word": ("2026-07-01T12:00:00Z", "yesterday", UNREADABLE),
            "nothing": (None, None, SAME),
        },
    )


def test_a_side_without_zones_is_read_in_its_own() -> None:
    """The offset is that of the day: one hour from UTC in winter, two in summer; whole seconds are read as declared."""
    pair = pair_of(Field(name="at", kind=Kind.INSTANT, left="at", right="at", right_zone="Europe/Berlin"))
    left = [
        {"id": "winter", "at": datetime(2026, 1, 1, 11, tzinfo=UTC)},
        {"id": "summer", "at": datetime(2026, 7, 1, 10, tzinfo=UTC)},
        {"id": "wrong", "at": datetime(2026, 7, 1, 11, tzinfo=UTC)},
    ]
    right = [
        {"id": "winter", "at": datetime(2026, 1, 1, 12)},
        {"id": "summer", "at": datetime(2026, 7, 1, 12)},
        {"id": "wrong", "at": datetime(2026, 7, 1, 12)},
    ]
    assert classes(compared(pair, left, right)) == {"wrong": "differs"}
    seconds = pair_of(Field(name="at", kind=Kind.INSTANT, left="at", right="at", right_zone="epoch"))
    numbers = [{"id": each["id"], "at": int(each["at"].timestamp())} for each in left]  # type: ignore[attr-defined]
    assert classes(compared(seconds, left, numbers)) == {}


def test_dates_are_days_of_their_own_zone() -> None:
    """An instant is the day it is where it is declared to be; `20260701` is a day, too."""
    pair = pair_of(Field(name="day", kind=Kind.DATE, left="day", right="day", left_zone="Asia/Tokyo"))
    left = [{"id": name, "day": datetime(2026, 7, 1, 20, tzinfo=UTC)} for name in ("tomorrow", "today")]
    right = [{"id": "tomorrow", "day": date(2026, 7, 2)}, {"id": "today", "day": date(2026, 7, 1)}]
    assert classes(compared(pair, left, right)) == {"today": "differs"}
    _verdicts(
        field(Kind.DATE),
        {
            "basic": ("20260701", "2026-07-01", SAME),
            "with time": ("2026-07-01T23:00:00", "2026-07-01", SAME),
            "none": ("20260732", "2026-07-31", UNREADABLE),
            "nought": ("00000000", "00000000", UNREADABLE),
        },
    )


def test_flags_are_yes_or_no_in_either_sides_words() -> None:
    """`X`, `true` and 1 are yes; an empty text is neither."""
    _verdicts(
        field(Kind.FLAG),
        {
            "yes": ("true", "X", SAME),
            "no": ("0", "no", SAME),
            "apart": ("1", "false", APART),
            "empty": ("0", "", UNREADABLE),
        },
    )


def test_lines_are_a_multiset() -> None:
    """Order says nothing, number does; records of a list and objects of JSON text are the same lines."""
    lines = field(Kind.LINES, members=("sku", "quantity:number"))
    one, two = {"sku": "0012", "quantity": 1}, {"sku": "B-7", "quantity": 2}
    cases: dict[str, tuple[list[Any], Any, str | None]] = {
        "order": ([one, two], [two, one], SAME),
        "zeros": ([one], [{"sku": "0012", "quantity": 1.0}], SAME),
        "number": ([one, one], [one], APART),
        "another": ([one, two], [one, {"sku": "B-7", "quantity": 3}], APART),
        "identifier": ([one], [{"sku": "12", "quantity": 1}], APART),
        "member gone": ([one], [{"sku": "0012"}], APART),
        "empty": ([], [], SAME),
        "no list": ([one], {"sku": "0012"}, UNREADABLE),
    }
    left: list[dict[str, Any]] = [{"id": name, "value": case[0]} for name, case in cases.items()]
    right: list[dict[str, Any]] = [{"id": name, "value": json.dumps(case[1])} for name, case in cases.items()]
    right.append({"id": "cut off", "value": '[{"sku": "0012"'})
    left.append({"id": "cut off", "value": [one]})
    left += [{"id": "none, not empty", "value": None}, {"id": "none", "value": None}]
    right += [{"id": "none, not empty", "value": "[]"}, {"id": "none", "value": None}]
    expected = {name: case[2] for name, case in cases.items() if case[2] is not None}
    expected |= {"cut off": UNREADABLE, "none, not empty": APART}
    assert classes(compared(pair_of(lines), left, right)) == expected
