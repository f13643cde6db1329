"""What comparisons came to is kept: a line each, thinned with age, whole though a writer was cut off."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.drift.pairs import trend as kept
from assay.drift.pairs.accepted import Open
from assay.drift.pairs.model import Class, Counts, Difference, Outcome, Pair, Side
from assay.drift.pairs.reconciling import Reconciled
from assay.drift.pairs.trend import Compared, Trend, thinned
from assay.money import Money
from tests.conftest import Project
from tests.engine.drift.test_drift_command import AT, orders, written

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SIDE = Side(system="merchant", source={"kind": "parquet", "path": "x"}, key=("number",))
PAIR = Pair(name="orders", about="", left=SIDE, right=SIDE, fields=())


def came(missing: int, *, pair: Pair = PAIR, unread: tuple[str, ...] = ()) -> Reconciled:
    """Return a comparison in which so many of a hundred records are missing, of 1.00 EUR each."""
    gone = [
        Difference(key=(f"{number}",), classed=Class.MISSING, at_risk=Money(100, "EUR")) for number in range(missing)
    ]
    counts = Counts(left=100, right=100 - missing, matched=100 - missing, only_left=missing, only_right=0, in_flight=2)
    outcome = Outcome(
        pair=pair,
        at=NOW,
        since=None,
        until=None,
        counts=counts,
        classes={Class.MISSING: missing},
        fields={},
        differences=gone,
        unread=unread,
    )
    return Reconciled(outcome, Open(missing, (), (), gone))


def test_what_was_added_is_read(tmp_path: Path) -> None:
    """Counts, classes and money come back as they were, oldest first; of one instant the last one counts."""
    trend = Trend(tmp_path / "drift")
    assert trend.read("orders") == []
    for hour, missing in ((2, 4), (0, 1), (1, 0), (2, 3)):
        trend.add(came(missing), NOW + timedelta(hours=hour))
    every = trend.read("orders")
    assert [each.open for each in every] == [1, 0, 3]
    assert every[2] == Compared(
        at=NOW + timedelta(hours=2),
        left=100,
        right=97,
        in_flight=2,
        open=3,
        classes={"missing": 3},
        at_risk={"EUR": Money(300, "EUR")},
    )
    assert trend.read("orders", NOW + timedelta(hours=1)) == every[1:]


def test_pairs_do_not_mix(tmp_path: Path) -> None:
    """Two pairs whose names differ in a sign alone have a trend each."""
    trend = Trend(tmp_path)
    for count, name in enumerate(("a b", "a_b", "a/b")):
        trend.add(came(count, pair=replace(PAIR, name=name)), NOW)
    assert [trend.read(name)[0].open for name in ("a b", "a_b", "a/b")] == [0, 1, 2]


@pytest.mark.parametrize("cut", ["half", "not JSON", "a letter", "other bytes"])
def test_a_line_that_was_cut_off_harms_no_other(tmp_path: Path, cut: str) -> None:
    """A process that was killed while it wrote costs its own line: those before and after are read."""
    trend = Trend(tmp_path)
    trend.add(came(1), NOW)
    trend.add(came(2), NOW + timedelta(hours=1))
    (file,) = tmp_path.glob("*.jsonl")
    whole = file.read_bytes()
    first = whole.index(b"\n") + 1
    ends = {"half": whole[: first + 40], "not JSON": whole[:first] + b"[1, 2]", "a letter": whole[:first] + b"{"}
    file.write_bytes(ends.get(cut, whole[:first] + b"\xff\x00\xfe"))
    assert [each.open for each in trend.read("orders")] == [1]
    trend.add(came(3), NOW + timedelta(hours=2))
    assert [each.open for each in trend.read("orders")] == [1, 3]


def test_many_processes_lose_no_line(tmp_path: Path) -> None:
    """Who compares at the same time adds its own lines, also while the file is thinned."""
    kept._LARGE, large = 40_000, kept._LARGE
    try:
        writers = [threading.Thread(target=_add, args=(tmp_path, writer)) for writer in range(4)]
        for each in writers:
            each.start()
        for each in writers:
            each.join()
    finally:
        kept._LARGE = large
    (file,) = tmp_path.glob("*.jsonl")
    lines = file.read_text(encoding="utf-8").splitlines()
    assert all(json.loads(line)["pair"] == "orders" for line in lines)
    assert file.stat().st_size <= 40_000
    newest = Trend(tmp_path).read("orders")[-1]
    assert newest.at == NOW + timedelta(minutes=4 * 49 + 3)


def _add(folder: Path, writer: int) -> None:
    for turn in range(50):
        Trend(folder).add(came(1), NOW + timedelta(minutes=4 * turn + writer))


def test_age_thins_and_keeps_the_worst() -> None:
    """Of a week every comparison is kept; before it the worst of each hour, then of each day, and at last none."""

    def at(age: timedelta, found: int) -> Compared:
        return Compared(at=NOW - age, left=9, right=9, open=found)

    fine = [at(timedelta(minutes=5 * place), 0) for place in range(60)]
    hours = [at(timedelta(days=20, minutes=5 * place), place % 7) for place in range(1, 121)]
    days = [at(timedelta(days=200, hours=place), place % 5) for place in range(96)]
    old = [at(timedelta(days=900), 5)]
    found = thinned(sorted([*fine, *hours, *days, *old], key=lambda each: each.at))
    assert [each for each in found if each.at > NOW - timedelta(days=7)] == fine[::-1]
    assert {each.open for each in found if each.at < NOW - timedelta(days=7)} == {4, 6}
    assert (sum(each.open == 6 for each in found), sum(each.open == 4 for each in found)) == (10, 5)


def test_the_command_keeps_the_trend(project: Project) -> None:
    """`assay drift records` writes a line a pair and comparison; a folder that cannot be written changes no verdict."""
    shop, erp = orders(40)
    written(project, shop, erp)
    assert project.type("drift", "records", *AT).returncode == 0
    del erp[7]
    written(project, shop, erp)
    assert project.type("drift", "records", "--at", "2026-11-23T13:00Z").returncode == 1
    folder = project.path / ".assay" / "drift" / "local"
    assert [(each.at.hour, each.open) for each in Trend(folder).read("orders")] == [(12, 0), (13, 1)]
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    folder.write_text("in the way", encoding="utf-8")
    done = project.type("drift", "records", "--at", "2026-11-23T14:00Z")
    assert done.returncode == 1 and "1 missing" in done.stdout
    assert "what was found of 'orders' cannot be kept" in done.stderr
