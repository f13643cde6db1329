"""What money is made of: a value nobody changes, and how large an amount may be before it is taken for a mistake."""

from __future__ import annotations

import dataclasses

import pytest

from assay.errors import UsageError
from assay.money import Money


def test_money_cannot_be_changed() -> None:
    """An amount is frozen and slotted: whoever wants another makes another."""
    amount = Money(1990, "EUR")
    with pytest.raises(dataclasses.FrozenInstanceError):
        amount.minor = 1991  # type: ignore[misc]
    assert "__slots__" in vars(Money)


@pytest.mark.parametrize("text", ["9" * 60, "-" + "9" * 60, "1e60"])
def test_sixty_digits_are_still_read_exactly(text: str) -> None:
    """Sixty digits, or a one with sixty zeros, are read to the last digit."""
    assert str(Money.of(text, "JPY").minor).rstrip("0") == text.removesuffix("e60")


@pytest.mark.parametrize("text", ["9" * 61, "1" * 61, "1e61", "1e999999"])
def test_more_is_no_amount(text: str) -> None:
    """What has more digits is a mistake of whoever wrote it, and is refused instead of rounded."""
    with pytest.raises(UsageError, match="no decimal amount"):
        Money.of(text, "JPY")


def test_nothing_is_split_into_nothing() -> None:
    """Nothing is split into as many shares of nothing, with no sign."""
    assert Money.zero("EUR").allocate([1, 2]) == (Money(0, "EUR"), Money(0, "EUR"))
