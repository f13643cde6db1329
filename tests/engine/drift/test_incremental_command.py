"""`assay drift records --incremental` and `--confirm`: what is skipped, and what is told once it is found twice."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from assay.drift.pairs.engine import compare
from assay.drift.pairs.incremental import Pass, Way, compare_incrementally
from assay.drift.pairs.model import Class, Kind, Pair
from assay.drift.pairs.pending import Confirmed, Key, confirm, measured_lag
from assay.drift.pairs.remembered import Memory, Remembered
from assay.drift.pairs.rows import TableRows, table_of
from tests.conftest import Project
from tests.engine.drift.test_drift_command import AT as CLI_AT
from tests.engine.drift.test_drift_command import DECLARED, declare, orders, written
from tests.engine.drift.two_sides import AT, ago, field, pair_of

Row = dict[str, Any]
GRACE = timedelta(minutes=30)


def run(project: Project, *options: str) -> tuple[int, dict[str, Any]]:
    """Compare, and return the exit code and what is said of the pair."""
    done = project.type("drift", "records", *CLI_AT, "--json", *options)
    return done.returncode, json.loads(done.stdout)["pairs"][0]


def test_what_did_not_change_is_not_compared_again(project: Project) -> None:
    """The second run compares nothing and says why it may; after one change it tells that, as a whole run does."""
    shop, erp = orders(200)
    written(project, shop, erp)
    first = project.type("drift", "records", *CLI_AT, "--incremental")
    assert first.returncode == 0 and "all was compared: nothing was remembered of it" in first.stdout
    second = project.type("drift", "records", *CLI_AT, "--incremental")
    assert second.returncode == 0
    assert "orders: the same: 200 records of merchant, 200 of sap_s4hana" in second.stdout
    assert "compared again: 0 of " in second.stdout and "nothing changed" in second.stdout
    erp[7]["Total"] = "1.00"
    written(project, shop, erp)
    code, again = run(project, "--incremental")
    whole_code, whole = run(project)
    assert (code, whole_code) == (1, 1)
    done = again.pop("pass")
    assert done["way"] == "sweep" and done["compared_partitions"] < done["partitions"]
    assert again == {name: said for name, said in whole.items() if name != "pass"}


def test_another_rule_or_a_torn_memory_compares_all(project: Project) -> None:
    """What was remembered by another rounding, or stands in a file that is damaged, is not used."""
    shop, erp = orders(40)
    written(project, shop, erp)
    run(project, "--sweep")
    declare(project, rounding=(DECLARED[0], DECLARED[0]))
    code, found = run(project, "--incremental")
    assert code == 1 and found["pass"]["why"] == "its rule or its columns are not what they were"
    declare(project)
    (file,) = project.path.glob(".assay/drift/*/orders.verdict.json")
    file.write_text(file.read_text(encoding="utf-8")[:-40], encoding="utf-8")
    code, found = run(project, "--incremental")
    assert code == 0 and found["pass"]["why"] == "nothing was remembered of it"


def test_what_is_wrong_is_told_after_a_second_read(project: Project) -> None:
    """`--confirm` tells what a second read finds again, and nothing else changes: here all, at once."""
    shop, erp = orders(40)
    erp[3]["Total"] = "1.00"
    del erp[7]
    written(project, shop, erp)
    code, found = run(project, "--confirm")
    assert code == 1 and found["classes"] == {"missing": 1, "differs": 1}
    assert found["confirmed"] == {"pending": [], "settled": 0, "lag_s": 0.0}


def pair(**more: Any) -> Pair:
    """Return a pair of orders with one value."""
    return pair_of(field(Kind.NUMBER), placed=more.pop("placed", True), grace=GRACE, **more)


def row(key: int, minutes: float, value: int = 1, *, changed: float | None = None) -> Row:
    """Return an order placed so many minutes ago."""
    return {"id": key, "value": value, "placed": ago(minutes=minutes), "changed": ago(minutes=changed or minutes)}


def sides(left: list[Row], right: list[Row]) -> tuple[TableRows, TableRows]:
    """Return both sides' rows."""
    return table_of(left), table_of(right)


def passed(left: list[Row], right: list[Row], before: Remembered | None, **more: Any) -> tuple[Pass, int, Remembered]:
    """Compare by what changed, and return what was done, how many differ, and what to remember."""
    found = compare_incrementally(
        pair(), *sides(left, right), at=AT + more.pop("later", timedelta()), before=before, **more
    )
    assert found.remembered is not None
    return found.done, found.outcome.found, found.remembered


def test_a_change_that_is_not_dated_is_found_by_the_sweep(tmp_path: Path) -> None:
    """A watermark pass cannot see it; the sweep does, asked for or because a day is over; memory may lie on disk."""
    left, right = ([row(key, key * 60) for key in range(1, 60)] for _ in range(2))
    memory = Memory(tmp_path)
    _, _, before = passed(left, right, None)
    memory.save("orders / 1", before)
    held = memory.load("orders / 1")
    assert held is not None and memory.load("orders_1") is None
    right[40]["value"] = 9
    done, found, _ = passed(left, right, held, later=timedelta(minutes=5))
    assert (done.way, found) == (Way.NOTHING, 0)
    done, found, _ = passed(left, right, held, later=timedelta(minutes=5), sweep=True)
    assert (done.way, done.looked, found) == (Way.SWEEP, 1, 1)
    done, found, _ = passed(left, right, held, later=timedelta(days=1))
    assert (done.way, done.looked, found) == (Way.SWEEP, 1, 1)


def test_a_row_that_is_gone_is_missed_by_its_number() -> None:
    """No date tells of a row that was deleted: the number of rows does, and the pass reads on."""
    left, right = ([row(key, key * 60) for key in range(1, 60)] for _ in range(2))
    before = passed(left, right, None)[2]
    del right[30]
    done, found, _ = passed(left, right, before, later=timedelta(minutes=5))
    assert (done.way, found) == (Way.SWEEP, 1)
    assert "rows are gone" in done.why


def test_what_falls_due_is_looked_at_though_nothing_changed() -> None:
    """A record in flight is none any more when its grace is over, without a row having changed."""
    left, right = ([row(key, key * 60) for key in range(1, 60)] for _ in range(2))
    left.append(row(99, 10))
    done, found, before = passed(left, right, None)
    assert found == 0
    done, found, before = passed(left, right, before, later=timedelta(minutes=10))
    assert (done.way, found) == (Way.NOTHING, 0)
    done, found, _ = passed(left, right, before, later=timedelta(minutes=21))
    assert (done.way, found) == (Way.WATERMARK, 1)


def told(left: list[Row], right: list[Row], then: tuple[list[Row], list[Row]] | None = None, **more: Any) -> Confirmed:
    """Compare, read again what `then` holds, and return what stands."""
    compared = more.pop("of", pair())
    first = sides(left, right)
    outcome = compare(compared, *first, at=AT, limit=None)
    seen: dict[Key, Any] = more.pop("seen", {})
    return confirm(outcome, *first, reread=lambda: sides(*(then or (left, right))), seen=seen)


def test_what_is_gone_at_the_second_read_is_not_told() -> None:
    """A record that got there between both reads is no finding; one that did not, is."""
    left = [row(key, 60 + key) for key in range(40)]
    found = told(left, left[:-2], (left, left[:-1]))
    assert (found.settled, [each.key for each in found.outcome.differences]) == (1, [("39",)])
    assert found.outcome.classes == {Class.MISSING: 1}


def test_a_queue_that_is_slow_gives_more_time() -> None:
    """Where records really take two hours, one missing for one is pending, one missing for three is told."""
    left = [row(key, 600 + key) for key in range(100)]
    right = [
        {**each, "placed": each["placed"] + timedelta(minutes=120 if each["id"] % 20 == 0 else 1)} for each in left
    ]
    left += [row(200, 60), row(201, 200)]
    assert measured_lag(pair(), *sides(left, right), at=AT) == timedelta(hours=2)
    found = told(left, right)
    assert [each.key for each in found.pending] == [("200",)]
    assert found.outcome.classes == {Class.MISSING: 1, Class.LATE: 5}


def test_records_without_instants_wait_from_when_they_were_first_found() -> None:
    """Where neither side says when a row is from, the grace runs from the first time that the key differed."""
    bare = pair(placed=False)
    left = [{"id": key, "value": 1} for key in range(5)]
    found = told(left, left[:-1], of=bare)
    assert (len(found.pending), found.outcome.found) == (1, 0)
    later = told(left, left[:-1], of=bare, seen={("4",): AT - GRACE})
    assert (len(later.pending), later.outcome.found) == (0, 1)


def test_nothing_is_confirmed_by_a_side_that_does_not_answer() -> None:
    """Where nothing is read the second time, nothing is told, and the run is not green either."""
    left = [row(key, 60 + key) for key in range(5)]
    found = told(left, left[:-1], (left, []))
    assert found.outcome.found == 0 and len(found.pending) == 1
    assert found.outcome.unread == ("nothing was read from ERP",)
