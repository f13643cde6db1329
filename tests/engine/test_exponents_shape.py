"""What a gateway's table is made of: named facts nobody changes, each with the page and the day it was read."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest

from assay.exponents import GATEWAYS, GatewayTable


def test_facts_are_named_and_kept() -> None:
    """A table is written with the names of its facts, and is frozen."""
    assert all(field.kw_only for field in dataclasses.fields(GatewayTable))
    with pytest.raises(dataclasses.FrozenInstanceError):
        GATEWAYS["stripe"].source = "hearsay"  # type: ignore[misc]
    assert "__slots__" in vars(GatewayTable)


@pytest.mark.parametrize(
    ("gateway", "read"), [("stripe", date(2026, 7, 10)), ("adyen", date(2026, 11, 22)), ("paypal", date(2026, 11, 22))]
)
def test_the_day_a_page_was_read(gateway: str, read: date) -> None:
    """Whoever changes a table says anew when its page was read: here and there, so that neither is forgotten."""
    assert GATEWAYS[gateway].read == read
