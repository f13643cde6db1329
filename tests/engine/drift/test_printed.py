"""Sweeps over Parquet: row groups whose bytes are as they were are not read, and nothing that changed is missed."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from assay.drift.pairs.engine import compare
from assay.drift.pairs.incremental import Incremental, Way, compare_incrementally
from assay.drift.pairs.model import Pair
from assay.drift.pairs.remembered import Remembered
from assay.drift.pairs.rows import ParquetRows
from tests.engine.drift.histories import SCHEMA, Row, lived, orders, told
from tests.engine.drift.two_sides import AT, ago

LATER = AT + timedelta(hours=1)


class Exports:
    """Two sides that agree, each of them one file in row groups of ten rows."""

    def __init__(self, folder: Path, pair: Pair | None = None) -> None:
        self.folder, self.pair = folder, pair or orders()
        self.rows: list[Row] = [
            {"id": n, "value": n % 4, "placed": ago(hours=90 - n), "changed": ago(hours=90 - n)} for n in range(60)
        ]
        self.write("left", self.rows)
        self.write("right", self.rows)

    def write(self, side: str, rows: list[Row], schema: pyarrow.Schema = SCHEMA, **options: Any) -> Path:
        """Write a side anew."""
        path = self.folder / f"{side}.parquet"
        parquet.write_table(
            pyarrow.Table.from_pylist(rows, schema), path, **{"row_group_size": 10, "compression": "none", **options}
        )
        return path

    def sweep(self, before: Remembered | None) -> Incremental:
        """Sweep an hour later, as comparing whole would find."""
        sides = [ParquetRows(str(self.folder / f"{side}*.parquet")) for side in ("left", "right")]
        found = compare_incrementally(self.pair, *sides, at=LATER, before=before, sweep=True, limit=None)
        assert told(found.outcome) == told(compare(self.pair, *sides, at=LATER, limit=None))
        return found

    def kept(self, found: Incremental) -> list[tuple[str | None, ...]]:
        """Return the prints that are remembered of each side's groups."""
        assert found.remembered is not None
        return [tuple(each.print for groups in side.values() for each in groups) for side in found.remembered.files]


def test_histories_in_files_are_found_alike(tmp_path: Path) -> None:
    """Whatever happens to rows, files and row groups, a sweep that remembers them says what a whole comparison says."""
    assert Way.SWEEP in lived(3, 8, dated=False, files=tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("dated", [True, False], ids=["dated", "undated"])
def test_many_histories_in_files_are_found_alike(dated: bool, tmp_path: Path) -> None:
    """The same holds for longer histories, more of them, and for passes by watermark between the sweeps."""
    for seed in range(400, 420):
        lived(seed, 20, dated=dated, files=tmp_path / str(seed))


def test_only_the_groups_that_changed_are_read(tmp_path: Path) -> None:
    """Of a file that is written anew with one other row, the other groups keep their prints, and the sweep finds it."""
    exports = Exports(tmp_path)
    first = exports.sweep(None)
    exports.rows[35]["value"] = 9
    exports.write("right", exports.rows)
    found = exports.sweep(first.remembered)
    assert (found.done.way, found.outcome.found) == (Way.SWEEP, 1)
    before, after = exports.kept(first)[1], exports.kept(found)[1]
    assert [mine == theirs for mine, theirs in zip(before, after, strict=True)] == [True] * 3 + [False] + [True] * 2
    assert None not in before and exports.kept(first)[0] == exports.kept(found)[0]


def test_a_change_that_leaves_size_and_time_as_they_were_is_found(tmp_path: Path) -> None:
    """A file whose size and instant of writing are the same as before is told from it by its bytes."""
    exports = Exports(tmp_path)
    path = tmp_path / "right.parquet"
    first, stood = exports.sweep(None), path.stat()
    exports.rows[35]["value"] = (exports.rows[35]["value"] + 1) % 4
    exports.write("right", exports.rows)
    os.utime(path, ns=(stood.st_atime_ns, stood.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (stood.st_size, stood.st_mtime_ns)
    assert exports.sweep(first.remembered).outcome.found == 1


def test_the_same_bytes_under_another_name_are_other_rows(tmp_path: Path) -> None:
    """Columns of one file that swapped their names hold the same bytes at the same places, and all its rows differ."""
    exports = Exports(tmp_path)
    schema = pyarrow.schema([*SCHEMA, ("other", "int64")])
    rows = [{**row, "other": row["value"] + 1} for row in exports.rows]
    for side in ("left", "right"):
        exports.write(side, rows[:30], schema)
        exports.write(f"{side}2", rows[30:], schema)
    first = exports.sweep(None)
    names = pyarrow.schema([SCHEMA.field("id"), ("other", "int64"), *list(SCHEMA)[2:], ("value", "int64")])
    exports.write("right2", [{**row, "other": row["value"], "value": row["other"]} for row in rows[30:]], names)
    assert exports.sweep(first.remembered).outcome.found == 30


def test_a_file_that_is_written_while_it_is_read_gets_no_print(tmp_path: Path) -> None:
    """What was hashed before and read after it was written is not taken for one: the old bytes are read once more."""
    exports = Exports(tmp_path)
    others = [{**row, "value": 9} for row in exports.rows]

    class Written(ParquetRows):
        def of_file(self, path: str) -> str:
            exports.write("right", others)
            return super().of_file(path)

    sides = ParquetRows(str(tmp_path / "left.parquet")), Written(str(tmp_path / "right.parquet"))
    torn = compare_incrementally(exports.pair, *sides, at=LATER, before=None, limit=None)
    assert exports.kept(torn)[1] == (None,) * 6
    exports.write("right", exports.rows)
    assert exports.sweep(torn.remembered).outcome.found == 0


def test_a_group_of_another_size_gets_its_print_once_it_rests(tmp_path: Path) -> None:
    """What was written in groups of other sizes is read, not hashed; the sweep after it makes the prints."""
    exports = Exports(tmp_path)
    first = exports.sweep(None)
    exports.write("right", exports.rows, row_group_size=15)
    second = exports.sweep(first.remembered)
    assert second.done.way is Way.NOTHING
    assert exports.kept(second)[1] == (None,) * 4
    third = exports.sweep(second.remembered)
    assert None not in exports.kept(third)[1]
    exports.rows[0]["value"] = 9
    exports.write("right", exports.rows, row_group_size=15)
    assert exports.sweep(third.remembered).outcome.found == 1


def test_groups_that_changed_here_and_there_are_read_in_one_go(tmp_path: Path) -> None:
    """Of more stretches than are asked for one by one, all rows between are read, and each is counted once."""
    exports = Exports(tmp_path)
    for side in ("left", "right"):
        exports.write(side, exports.rows, row_group_size=2)
    first = exports.sweep(None)
    for place in range(1, 60, 5):
        exports.rows[place]["value"] = 9
    for side in ("left", "right"):
        exports.write(side, exports.rows, row_group_size=2)
    found = exports.sweep(first.remembered)
    assert found.done.looked == 12
    assert exports.sweep(found.remembered).done.way is Way.NOTHING


@pytest.mark.parametrize("place", [60, 58], ids=["more", "instead"])
def test_a_key_used_anew_far_from_its_first_rows_is_found(tmp_path: Path, place: int) -> None:
    """An order that takes the number of an old one is a duplicate with it, where nothing changed there."""
    exports = Exports(tmp_path)
    first = exports.sweep(None)
    again = {**exports.rows[1], "placed": ago(hours=32), "changed": ago(hours=32)}
    for side in ("left", "right"):
        exports.write(side, [*exports.rows[:place], again, *exports.rows[place + 1 :]])
    found = exports.sweep(first.remembered)
    assert [(each.key, each.classed.value) for each in found.outcome.differences] == [(("1",), "duplicate")]
