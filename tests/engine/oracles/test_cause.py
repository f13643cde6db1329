"""Every row of the specification's classifier, and where a row ends."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from assay.oracles.cause import UNKNOWN, money_cause, unit_cause

CENT, YEN = Decimal("0.01"), Decimal(1)
JPY: dict[str, Any] = {"step": YEN, "rate": Decimal("146.22")}


@pytest.mark.parametrize("power", [-3, -2, -1, 1, 2, 3])
def test_a_power_of_ten_is_an_exponent(power: int) -> None:
    """A ratio of 10^k for k from -3 to 3 is an exponent or a scale, whatever the amount."""
    assert "exponent" in money_cause(Decimal("19.90") * Decimal(10) ** power, Decimal("19.90"), step=CENT)


@pytest.mark.parametrize("ratio", ["10000", "0.0001", "20", "9.99"])
def test_other_ratios_are_no_exponent(ratio: str) -> None:
    """Beyond three decimals, and beside a power of ten, it is something else."""
    assert "exponent" not in money_cause(Decimal("19.90") * Decimal(ratio), Decimal("19.90"), step=CENT)


@pytest.mark.parametrize(
    ("seen", "expected", "more", "words"),
    [
        ("42", "6141", JPY, "not converted"),
        ("897937", "6141", JPY, "converted one time too many"),
        ("0", "6141", JPY, "inverse direction"),
        ("131296410", "6141", JPY, "two times too many"),
        ("5872", "6141", {**JPY, "other_rates": (Decimal("146.22"), Decimal("139.80"))}, "another day's rate"),
        ("23.88", "19.90", {"step": CENT, "tax_rates": (Decimal(0), Decimal(20))}, "included and excluded"),
        ("16.58", "19.90", {"step": CENT, "tax_rates": (Decimal(20),)}, "included and excluded"),
        ("21.89", "19.90", {"step": CENT, "tax_rates": (Decimal(10),)}, "included and excluded"),
        ("19.93", "19.90", {"step": CENT, "units": 3}, "rounding on another level"),
        ("19.87", "19.90", {"step": CENT, "units": 3}, "rounding on another level"),
        ("19.94", "19.90", {"step": CENT, "units": 3}, UNKNOWN),
        ("27", "27.90", {"step": CENT}, "everything after the decimal point"),
        ("19.89", "19.90", {"step": CENT}, "a part of a unit was cut off"),
        ("19.88", "19.90", {"step": CENT}, UNKNOWN),
        ("19.91", "19.90", {"step": CENT}, UNKNOWN),
        ("20", "19.90", {"step": CENT}, UNKNOWN),
        ("5", "0", {"step": CENT}, "nothing was expected"),
        ("0", "0", {"step": CENT}, UNKNOWN),
    ],
)
def test_the_classifier(seen: str, expected: str, more: dict[str, Any], words: str) -> None:
    """Each row of the table is recognised from the two amounts alone, within the rounding of either."""
    assert words in money_cause(Decimal(seen), Decimal(expected), **more)


def test_what_is_unknown_is_said_with_its_ratio() -> None:
    """A ratio that fits no row is shown."""
    assert money_cause(Decimal("59.70"), Decimal("19.90"), step=CENT) == (
        "no known pattern: 3.0000 times what was expected"
    )


def test_no_tax_and_no_rate_are_no_causes() -> None:
    """A tax of 0 and a rate of 1 explain nothing."""
    said = money_cause(Decimal("19.90"), Decimal("9.90"), step=CENT, tax_rates=(Decimal(0),), rate=Decimal(1))
    assert said.startswith(UNKNOWN)


def test_near_parity_all_that_fit_are_named() -> None:
    """Where a rate is near 1 several causes coincide, and at most two are named, the first of the table first."""
    said = money_cause(Decimal("10.30"), Decimal("10.00"), step=CENT, rate=Decimal("1.03"), tax_rates=(Decimal(3),))
    assert said == "double: converted one time too many or tax: included and excluded were mixed up"
    three = money_cause(
        Decimal("10.30"), Decimal("10.00"), step=CENT, rate=Decimal("1.03"), tax_rates=(Decimal(3),), units=40
    )
    assert three == said


def test_the_own_rate_is_no_other_day() -> None:
    """A rate that is the order's own does not count as another day's."""
    said = money_cause(Decimal(6142), Decimal(6141), **JPY, other_rates=(Decimal("146.22"),))
    assert said.startswith(UNKNOWN)


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        ("2.2046", "turned into pounds"),
        ("0.4536", "pounds were taken for kilograms"),
        ("1000", "grams were taken for kilograms"),
        ("0.001", "kilograms were taken for grams"),
        ("100", "factor of 100"),
        ("0.01", "factor of 100"),
        ("2.54", "inches"),
        ("0.3937", "inches"),
        ("2.2487", "no known"),
        ("2.2486", "turned into pounds"),
        ("1.5", "no known pattern: 1.500 times"),
    ],
)
def test_units_of_weight_and_size(ratio: str, words: str) -> None:
    """A weight or a length in the wrong unit is recognised within two per cent."""
    assert words in unit_cause(Decimal(ratio) * 1000, Decimal(1000))


@pytest.mark.parametrize(
    ("seen", "words"), [(100, "factor of 100"), (112, UNKNOWN), (600, "pounds were taken"), (631, UNKNOWN)]
)
def test_a_step_leaves_room(seen: int, words: str) -> None:
    """A weight stated in steps of 100 g is compared within one, and the nearest factor counts."""
    assert words in unit_cause(Decimal(seen), Decimal(1170), step=Decimal(100))


def test_nothing_expected_has_no_unit() -> None:
    """Where nothing was expected there is no ratio."""
    assert unit_cause(Decimal(5), Decimal(0)) == UNKNOWN


@pytest.mark.parametrize(
    ("seen", "expected", "words"),
    [
        ("50", "450", "inverse direction"),
        ("302", "100", "one time too many"),
        ("303", "100", UNKNOWN),
        ("298", "100", "one time too many"),
        ("297", "100", UNKNOWN),
        ("33", "100", "not converted"),
        ("905", "100", "two times too many"),
        ("906", "100", UNKNOWN),
    ],
)
def test_the_rounding_of_either_amount(seen: str, expected: str, words: str) -> None:
    """A factor is recognised within half a step of what is seen and half a step, times the factor, of what was due."""
    assert words in money_cause(Decimal(seen), Decimal(expected), step=YEN, rate=Decimal(3))
