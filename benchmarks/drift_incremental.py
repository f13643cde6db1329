"""What comparing by what changed costs against comparing whole, over the same rows, in CPU.

`drift_incremental.py --rows 10000000` writes two sides that agree (those of `reconcile.py` without its discrepancies),
compares them whole, and then once more after each of these, every one in a process of its own: nothing happened;
recent orders of 0.1 % and 1 % of the rows changed on both sides, and 20 of them on one side only; the same read by a
sweep. Besides: the join of just the partitions that each pass looked at. Each is set beside comparing whole just
before it, three times by turns; printed is the turn of median share. Every pass must find what comparing whole finds.
Both ways in which exports lie about are measured: a file for each day, of which those with changes are written
anew, and one file that is written anew whole.

Limits, from ten million rows on and beside the join of its partitions: a pass by watermark at most 5 % of comparing
whole, a sweep at most 40 %.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assay.drift.pairs.engine import compare
from assay.drift.pairs.incremental import compare_incrementally
from assay.drift.pairs.remembered import Memory
from assay.drift.pairs.rows import ParquetRows, Rows, TableRows
from benchmarks.reconcile_data import AT, DAYS, PAIR, write

LARGE = 10_000_000
LIMITS = {"watermark": 0.05, "sweep": 0.40}
"""Of the CPU of comparing whole, beside the join of its partitions; from so many rows on."""
LAYOUTS = ("a file a day", "one file")
SHARES = (1000, 100)
TURNS = 3
_WAYS = {
    "whole": "compared whole",
    "join": "the join of its partitions",
    "watermark": "by watermark",
    "sweep": "by sweep",
}
CHANGED, LATER = AT + timedelta(minutes=1), AT + timedelta(minutes=20)
WRONG = 20
ORDERS = replace(PAIR, right=replace(PAIR.right, changed="geaendert"))
_SIDES = {"left": ("order_id", "placed_at", "changed_at"), "right": ("belegnummer", "angelegt", "geaendert")}


def written(folder: Path, rows: int) -> None:
    """Write both sides without their discrepancies, and after changes of 0.1 % and 1 % of the rows."""
    files = write(folder, rows)
    with duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(folder / "spill")}) as connection:
        left, right = folder / "left.parquet", folder / "right.parquet"
        healthy = f"SELECT belegnummer AS key FROM '{right}' ANTI JOIN '{files.truth}' AS t ON belegnummer = t.key"
        connection.execute(f"CREATE TEMP TABLE healthy AS {healthy}")
        _copy(connection, f"SELECT l.* FROM '{left}' AS l SEMI JOIN healthy ON order_id = key", folder, "left-made")
        of_both = f"SELECT r.*, angelegt AS geaendert FROM '{right}' AS r SEMI JOIN healthy ON belegnummer = key"
        _copy(connection, of_both, folder, "right-made")
        # Of those that are no longer in flight, which an order changed a minute ago would be.
        latest = f"FROM '{folder / 'right-made.parquet'}' WHERE angelegt < {_instant(AT)}"
        latest = f"SELECT belegnummer AS key {latest} ORDER BY angelegt DESC LIMIT {WRONG}"
        connection.execute(f"CREATE TEMP TABLE wrong AS {latest}")
        for name, (key, _, changed) in _SIDES.items():
            # As the same job writes it each time: what became of a join has row groups of other sizes.
            _copy(connection, f"FROM '{folder / f'{name}-made.parquet'}'", folder, f"{name}-same")
            _by_day(connection, folder, f"{name}-same", AT - timedelta(days=DAYS + 2))
            for share in SHARES:
                since = AT - timedelta(days=DAYS) / share
                recent = f"{changed} > {_instant(since)}"
                column = "city" if name == "left" else "ort"
                value = "'Bern'" if name == "left" else f"CASE WHEN {key} IN (FROM wrong) THEN 'Basel' ELSE 'Bern' END"
                columns = f"* REPLACE (CASE WHEN {recent} THEN {value} ELSE {column} END AS {column}, "
                columns += f"CASE WHEN {recent} THEN {_instant(CHANGED)} ELSE {changed} END "
                query = f"SELECT {columns} AS {changed}) FROM '{folder / f'{name}-made.parquet'}'"
                _copy(connection, query, folder, f"{name}-{share}")
                # An order is changed some time after it was placed, and never before.
                shutil.copytree(folder / f"{name}-same", folder / f"{name}-{share}")
                _by_day(connection, folder, f"{name}-{share}", since - timedelta(days=1))


def _copy(connection: duckdb.DuckDBPyConnection, query: str, folder: Path, name: str) -> None:
    path = folder / f"{name}.parquet"
    connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)")


def _by_day(connection: duckdb.DuckDBPyConnection, folder: Path, name: str, since: datetime) -> None:
    """Write the days from then on of a file as a file each; the others are there already."""
    (folder / name).mkdir(exist_ok=True)
    placed = _SIDES[name.partition("-")[0]][1]
    for day in range((AT - since).days + 3):
        begin = since.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=day)
        where = f"{placed} >= {_instant(begin)} AND {placed} < {_instant(begin + timedelta(days=1))}"
        query = f"SELECT * FROM '{folder / f'{name}.parquet'}' WHERE {where}"
        if connection.execute(f"{query} LIMIT 1").fetchall():
            _copy(connection, query, folder, f"{name}/{begin:%Y-%m-%d}")


def _instant(at: datetime) -> str:
    return f"TIMESTAMP '{at:%Y-%m-%d %H:%M:%S}'"


def laid(folder: Path, files: str, state: str) -> None:
    """Put the files of a state where the passes look for them: at the same place each time."""
    (folder / "now").mkdir(exist_ok=True)
    for name in _SIDES:
        place = folder / "now" / name
        place.unlink(missing_ok=True)
        place.symlink_to(folder / (f"{name}-{state}.parquet" if files == "one file" else f"{name}-{state}"))


def sides(folder: Path) -> tuple[Rows, Rows]:
    """Return both sides as they are laid."""
    places = (folder / "now" / name for name in _SIDES)
    left, right = (ParquetRows(str(place if place.is_file() else place / "*")) for place in places)
    return left, right


def whole(folder: Path) -> dict[str, Any]:
    """Compare whole."""
    return {"found": compare(ORDERS, *sides(folder), at=LATER).found}


def first(folder: Path) -> dict[str, Any]:
    """Compare whole, and remember it."""
    found = compare_incrementally(ORDERS, *sides(folder), at=AT, before=None)
    assert found.remembered is not None
    Memory(folder).save("orders", found.remembered)
    return {"found": found.outcome.found}


def again(folder: Path, *, sweep: bool) -> dict[str, Any]:
    """Compare by what changed since."""
    found = compare_incrementally(ORDERS, *sides(folder), at=LATER, before=Memory(folder).load("orders"), sweep=sweep)
    return {
        "found": found.outcome.found,
        "way": found.done.way.value,
        "looked": f"{found.done.looked} of {found.done.of}",
        "rows": found.done.rows,
    }


def join(folder: Path, state: str) -> dict[str, Any]:
    """Compare as many of the latest rows of each side as the pass by watermark did."""
    rows = json.loads((folder / f"rows-{state}.json").read_text())
    tables = []
    with duckdb.connect() as connection:
        for (name, (_, placed, _changed)), count in zip(_SIDES.items(), rows, strict=True):
            path = folder / f"{name}-{state}.parquet"
            total = connection.execute(f"SELECT count(*) FROM '{path}'").fetchall()[0][0]
            query = f"SELECT * FROM '{path}' ORDER BY {placed} LIMIT {count} OFFSET {total - count}"
            tables.append(connection.execute(query).to_arrow_table())
    spent = _cpu()
    found = compare(ORDERS, TableRows(tables[0]), TableRows(tables[1]), at=LATER).found
    return {"found": found, "only": _cpu() - spent}


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _alone(way: str, folder: Path, state: str) -> dict[str, Any]:
    before = _cpu()
    match way:
        case "whole":
            answer = whole(folder)
        case "first":
            answer = first(folder)
        case "join":
            answer = join(folder, state)
        case _:
            answer = again(folder, sweep=way == "sweep")
    answer["cpu"] = answer.get("only", _cpu() - before)
    answer["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return answer


def run(way: str, folder: Path, files: str, state: str) -> dict[str, Any]:
    """Do it in a process of its own, so that its CPU and its peak are its own."""
    laid(folder, files, state)
    command = [sys.executable, __file__, "--way", way, "--state", state, "--folder", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def main() -> int:
    """Print the table; 1 when a limit is broken or another number is found than by comparing whole."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the files are kept; a temporary one otherwise")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--state", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way == "written":
        written(options.folder, options.rows)
        return 0
    if options.way:
        print(json.dumps(_alone(options.way, options.folder, options.state)))
        return 0
    folder = options.folder or Path(tempfile.mkdtemp(prefix="assay-incremental-"))
    try:
        return _measured(folder, options.rows)
    finally:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


def _measured(folder: Path, rows: int) -> int:
    if not (folder / "right-100").exists():
        # In a process of its own, like all others: whoever it starts would begin with its peak of memory.
        command = [sys.executable, __file__, "--way", "written", "--rows", str(rows), "--folder", str(folder)]
        subprocess.run(command, check=True)
    print(f"{rows:,} rows a side, 12 columns each; CPU s, in a process of its own each")
    over = [words for files in LAYOUTS for words in _of_files(folder, files, rows)]
    limits = f"watermark {LIMITS['watermark']:.0%}, sweep {LIMITS['sweep']:.0%}, beside the join"
    said = f"OVER: {', '.join(over)}" if over else "within"
    print(f"limit from {LARGE:,} rows on: {limits}   {said}")
    return 1 if over else 0


def _of_files(folder: Path, files: str, rows: int) -> list[str]:
    """Print the table of one way to lay the files, and return what is over its limit or finds another number."""
    print(f"{files:<44}{'CPU s':>8}{'of whole':>10}{'less join':>11}{'peak MB':>9}  found  partitions")
    first_one = {"whole": run("whole", folder, files, "same"), "first": run("first", folder, files, "same")}
    _line("compared whole, and remembered", _beside_whole(first_one)["first"])
    over = []
    for state, words in (("same", "nothing happened"), ("1000", "0.1 % changed"), ("100", "1 % changed")):
        turns = [_turn(folder, files, state) for _ in range(TURNS)]
        for way, named in _WAYS.items():
            answers = sorted((turn[way] for turn in turns if way in turn), key=lambda each: each["beside"])
            if not answers:
                continue
            middle = answers[len(answers) // 2]
            _line(f"{words}: {named}", middle)
            wrong = way in LIMITS and any(turn[way]["found"] != turn["whole"]["found"] for turn in turns)
            if wrong or (rows >= LARGE and middle["beside"] > LIMITS.get(way, math.inf)):
                over.append(f"{files}, {words} {named}")
    return over


def _turn(folder: Path, files: str, state: str) -> dict[str, dict[str, Any]]:
    """Compare whole and right after it in each other way: a machine is not as fast from one minute to the next."""
    answers = {way: run(way, folder, files, state) for way in ("whole", "watermark")}
    if state != "same":
        (folder / f"rows-{state}.json").write_text(json.dumps(answers["watermark"]["rows"]))
        answers["join"] = run("join", folder, files, state)
    answers["sweep"] = run("sweep", folder, files, state)
    return _beside_whole(answers)


def _beside_whole(answers: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Add what each way took of what comparing whole did; and without the join of its partitions."""
    full = answers["whole"]["cpu"]
    joined = answers["join"]["cpu"] if "join" in answers else 0.0
    for way, answer in answers.items():
        answer["of_whole"] = answer["cpu"] / full
        answer["beside"] = answer["of_whole"] - (joined / full if way in LIMITS else 0.0)
    return answers


def _line(words: str, answer: Mapping[str, Any]) -> None:
    print(
        f"{words:<44}{answer['cpu']:>8.2f}{answer['of_whole']:>10.1%}{answer['beside']:>11.1%}{answer['peak_mb']:>9}"
        f"{answer['found']:>7}  {answer.get('looked', '')}"
    )


if __name__ == "__main__":
    sys.exit(main())
