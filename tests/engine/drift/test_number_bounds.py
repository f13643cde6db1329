"""Numbers that may lie as far apart as a column of the left says: stock, less what is on its way out."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assay.drift.pairs.causes import Known, cause_of
from assay.drift.pairs.incremental import Way, compare_incrementally
from assay.drift.pairs.model import Cause, Kind
from assay.drift.pairs.reading import read_pairs
from assay.drift.pairs.rows import table_of
from assay.errors import UsageError
from tests.conftest import Project
from tests.engine.drift.two_sides import AT, classes, compared, field, pair_of

BELOW = field(Kind.NUMBER, below="flight")
BOTH = field(Kind.NUMBER, below="flight", above="more")


def test_the_right_may_lie_below_by_as_much_as_the_left_says() -> None:
    """Up to there and not beyond, not above; nothing, and what is no number or below nought, allows nothing."""
    left: list[dict[str, Any]] = [
        {"id": "same", "value": 10, "flight": 0},
        {"id": "issued", "value": 10, "flight": 3},
        {"id": "all", "value": 10, "flight": 10},
        {"id": "beyond", "value": 10, "flight": 3},
        {"id": "above", "value": 10, "flight": 3},
        {"id": "nothing allowed", "value": 10, "flight": None},
        {"id": "below nought", "value": 10, "flight": -3},
        {"id": "unknown", "value": None, "flight": 3},
        {"id": "both unknown", "value": None, "flight": 3},
    ]
    right = [10, 7, 0, 6, 11, 9, 10, 9, None]
    rows = [{"id": one["id"], "value": value} for one, value in zip(left, right, strict=True)]
    expected = dict.fromkeys(("beyond", "above", "nothing allowed", "unknown"), "differs")
    assert classes(compared(pair_of(BELOW), left, rows)) == expected


@pytest.mark.parametrize("scale", [None, 0, 2])
@pytest.mark.parametrize("written", [int, str, Decimal])
def test_any_two_numbers_are_judged_as_arithmetic_does(written: Any, scale: int | None) -> None:
    """Drawn numbers of either type, written with decimals or without, against the rule said in one line."""
    draw = random.Random(7)
    each = field(Kind.NUMBER, below="flight", above="more", scale=scale)
    left, right, expected = [], [], set()
    for number in range(400):
        value, flight, more = draw.randint(-20, 20), draw.randint(0, 4), draw.randint(0, 2)
        other = value + draw.randint(-6, 4)
        left.append({"id": number, "value": written(value), "flight": flight, "more": str(more)})
        right.append({"id": number, "value": f"{other}.000"})
        if not value - flight <= other <= value + more:
            expected.add(str(number))
    assert set(classes(compared(pair_of(each), left, right))) == expected and 50 < len(expected) < 350


def test_what_is_no_number_is_said_to_be_none() -> None:
    """However much is allowed."""
    left = [{"id": 1, "value": "10", "flight": 99}, {"id": 2, "value": "ten", "flight": 99}]
    right = [{"id": 1, "value": "n/a"}, {"id": 2, "value": "ten"}]
    assert classes(compared(pair_of(BELOW), left, right)) == {"1": "unreadable", "2": "unreadable"}


def test_why_they_differ_names_what_is_allowed() -> None:
    """The sentence says by how much they differ, and how much of that is on its way."""
    pair = pair_of(BELOW)
    (found,) = compared(pair, [{"id": 1, "value": 35, "flight": 4}], [{"id": 1, "value": 22}]).differences
    assert cause_of(pair, found).fields[0].why == "13 less, of which flight allows 4"


def test_what_a_system_says_of_itself_is_not_behind() -> None:
    """Of two columns of one row, the one that is as the other was yesterday has not heard late of anything."""
    pair = replace(pair_of(field(Kind.NUMBER)), right=pair_of().left)
    (found,) = compared(pair, [{"id": 1, "value": 4}], [{"id": 1, "value": 6}]).differences
    known = Known(earlier={("1",): {"id": 1, "value": 6}})
    assert cause_of(pair, found, known).fields[0].why == "exactly 2 more"
    assert cause_of(pair_of(field(Kind.NUMBER)), found, known).fields[0].cause is Cause.STALE


def test_a_bound_that_changed_is_seen_by_an_incremental_pass() -> None:
    """What was allowed yesterday is a difference today, though neither number moved; and another bound another rule."""
    pair, right = pair_of(BELOW), table_of([{"id": 1, "value": 7}])
    allowed, forbidden = ([{"id": 1, "value": 10, "flight": flight, "more": 0}] for flight in (3, 2))
    first = compare_incrementally(pair, table_of(allowed), right, at=AT, before=None)
    assert first.outcome.found == 0
    same = compare_incrementally(pair, table_of(allowed), right, at=AT, before=first.remembered)
    assert (same.outcome.found, same.done.way) == (0, Way.NOTHING)
    later = compare_incrementally(pair, table_of(forbidden), right, at=AT, before=first.remembered)
    assert later.outcome.found == 1
    other = compare_incrementally(pair_of(BOTH), table_of(allowed), right, at=AT, before=first.remembered)
    assert other.done.way is Way.WHOLE


def test_a_bound_whose_column_is_gone_is_not_compared() -> None:
    """It is said, and nothing is allowed or forbidden meanwhile."""
    outcome = compared(pair_of(BELOW), [{"id": 1, "value": 10}], [{"id": 1, "value": 7}])
    assert (
        outcome.found == 0 and "value was not compared: the rows of shop have no column 'flight'" in outcome.unread[0]
    )


_FILE = """
[pairs.stock]
about = "what the shop counts is what the ERP holds"
left = {{ system = "shop", source = {{ kind = "csv", path = "shop.csv" }}, key = "sku" }}
right = {{ system = "erp", source = {{ kind = "csv", path = "erp.csv" }}, key = "sku" }}
fields = {{ on_hand = {{ {field} }} }}
"""


def _declared(folder: Path, field: str) -> Path:
    place = folder / "monitors" / "drift" / "stock.toml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(_FILE.format(field=field), encoding="utf-8")
    return place


def test_a_bound_is_for_numbers(tmp_path: Path) -> None:
    """Another kind of field with one is refused, with its place."""
    with pytest.raises(UsageError, match="'below' is for fields of kind number"):
        read_pairs([_declared(tmp_path, 'kind = "identifier", below = "flight"')])


def test_the_command_says_how_far_apart_they_may_be(new_project: Callable[[], Project]) -> None:
    """`drift pairs` prints the columns, and `drift records` compares by them."""
    project = new_project()
    _declared(project.path, 'kind = "number", below = "flight", above = "due"')
    (project.path / "shop.csv").write_text("sku,on_hand,flight,due\nA,10,3,0\nB,10,3,0\n")
    (project.path / "erp.csv").write_text("sku,on_hand\nA,7.000\nB,6.000\n")
    assert "on_hand: up to flight less or due more on the right" in project.type("drift", "pairs").stdout
    done = project.type("drift", "records", "stock")
    assert done.returncode == 1 and "4 less, of which flight allows 3" in done.stdout
