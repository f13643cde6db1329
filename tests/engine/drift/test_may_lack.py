"""A side that need not hold all of the other, a shipped pair that brings its file, and rows that were valid before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.drift.pairs.engine import compare
from assay.drift.pairs.incremental import compare_incrementally
from assay.drift.pairs.model import Kind
from assay.drift.pairs.opening import sides_of
from assay.drift.pairs.reading import pair_files, read_pairs
from assay.drift.pairs.reconciling import reconcile
from assay.drift.pairs.rows import table_of
from assay.errors import UsageError
from tests.engine.drift.two_sides import AT, ago, classes, compared, field, pair_of

Row = dict[str, Any]
LEFT: list[Row] = [{"id": "1", "value": "a"}, {"id": "2", "value": "b"}, {"id": "3", "value": "c"}]
RIGHT: list[Row] = [{"id": "1", "value": "a"}, {"id": "2", "value": "B"}, {"id": "9", "value": "z"}]
PAIR = """
[pairs.prices]
about = "Prices"
may_lack = {lack}
[pairs.prices.left]
system = "erp"
source = {{ kind = "csv", path = "{path}" }}
key = "sku"
[pairs.prices.right]
system = "shop"
source = {{ kind = "csv", path = "shop.csv" }}
key = "sku"
[pairs.prices.fields]
price = {{ kind = "number" }}
"""


@pytest.mark.parametrize(
    ("lack", "told"),
    [
        ((), {"2": "differs", "3": "missing", "9": "extra"}),
        (("right",), {"2": "differs", "9": "extra"}),
        (("left",), {"2": "differs", "3": "missing"}),
        (("left", "right"), {"2": "differs"}),
    ],
)
def test_what_a_side_may_lack_is_not_told(lack: tuple[Any, ...], told: dict[str, str]) -> None:
    """The records both have are compared as ever; what only one has is counted, and told where it must not lack."""
    outcome = compared(pair_of(field(Kind.TEXT), may_lack=lack), LEFT, RIGHT)
    assert classes(outcome) == told and sum(outcome.classes.values()) == len(told)
    assert (outcome.counts.only_left, outcome.counts.only_right) == (1, 1) and outcome.counts.balances


def test_a_later_pass_keeps_silent_too() -> None:
    """Incrementally the same is told, and what was silent is told once the rule says so."""
    pair, before = pair_of(field(Kind.TEXT), may_lack=("right",)), None
    for hours, rule in enumerate((pair, pair, replace(pair, may_lack=()))):
        at, rows = AT + timedelta(hours=hours), (table_of(LEFT), table_of(RIGHT))
        found = compare_incrementally(rule, *rows, at=at, before=before, sweep=True)
        before = found.remembered or before
        assert ("3" in classes(found.outcome)) is (rule is not pair)


def write(root: Path, lack: str = '"right"', path: str = "lists/prices.csv") -> Path:
    """Write a suite with a pair, and return its file."""
    file = root / "monitors" / "drift" / "prices.toml"
    file.parent.mkdir(parents=True)
    file.write_text(PAIR.format(lack=lack, path=path))
    return file


def test_a_file_says_which_side_may_lack_records(tmp_path: Path) -> None:
    """One side or both; another word is refused with its place."""
    write(tmp_path / "one")
    write(tmp_path / "both", '["left", "right"]')
    write(tmp_path / "wrong", '"rigth"')
    assert read_pairs(pair_files([tmp_path / "one"])).pairs["prices"].may_lack == ("right",)
    assert read_pairs(pair_files([tmp_path / "both"])).pairs["prices"].may_lack == ("left", "right")
    with pytest.raises(UsageError) as refused:
        read_pairs(pair_files([tmp_path / "wrong"]))
    assert "may_lack" in str(refused.value)


def test_a_shipped_file_is_read_where_the_project_has_none(tmp_path: Path) -> None:
    """A relative path starts at the project; a file that is not there is the one that came with the pair, if any."""
    suite, project = tmp_path / "suite", tmp_path / "project"
    write(suite)
    (suite / "lists").mkdir()
    project.mkdir()
    (project / "shop.csv").write_text("sku,price\nA,1.00\n")
    pair = read_pairs(pair_files([project, suite])).pairs["prices"]

    def price() -> str:
        left, right = sides_of(pair, folder=project, systems=lambda: pytest.fail("no listing is asked for"))
        return "differs" if compare(pair, left, right, at=AT).found else "same"

    with pytest.raises(UsageError, match="no such file"):
        price()
    (suite / "lists" / "prices.csv").write_text("sku,price\nA,1.00\n")
    assert price() == "same"
    (project / "lists").mkdir()
    (project / "lists" / "prices.csv").write_text("sku,price\nA,2.00\n")
    assert price() == "differs"


def test_a_value_that_was_valid_before_is_stale() -> None:
    """Who holds what a row said whose validity is over is behind, and it is told until when it was so."""
    rows = [
        {"id": "1", "value": 24, "since": None, "until": ago(days=9)},
        {"id": "1", "value": 19, "since": ago(days=9), "until": ago(days=2)},
        {"id": "1", "value": 24, "since": ago(days=2), "until": None},
        {"id": "2", "value": 8, "since": None, "until": ago(days=-3)},
        {"id": "2", "value": 7, "since": ago(days=-3), "until": None},
    ]
    pair = pair_of(field(Kind.NUMBER))
    pair = replace(pair, left=replace(pair.left, valid=("since", "until")))
    shop = [{"id": "1", "value": 19}, {"id": "2", "value": 7}]
    found = reconcile(pair, table_of(rows), table_of(shop), at=AT).outcome.differences
    causes = {each.key[0]: (each.cause.value, each.fields[0].why) for each in found}
    assert causes["1"] == ("stale", "shop's earlier value, last read so on 2026-11-18 11:59 UTC")
    assert causes["2"][0] == "unknown"  # a price of the future was never the list's
