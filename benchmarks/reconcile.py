"""Two populations of orders compared: what is found against what was seeded, and the CPU against reading both files.

`reconcile.py --rows 10000000` writes both sides (see `reconcile_data`), compares them in a process of its own, and
prints each discrepancy seeded and found, missed and invented. Limits: 0 missed, 0 invented; at 10 million a side at
most 5.0 times the CPU of reading every column of both files, and at most 1.2 GB of memory at the peak. Besides, in the
same run and over the same files: one SQL statement as it would be written by hand.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assay.drift.pairs.engine import MEMORY_MB, Comparison
from assay.drift.pairs.rows import ParquetRows
from benchmarks.reconcile_data import AT, GRACE, PAIR, SEEDED, STATUSES, Files, write

CPU_LIMIT, PEAK_LIMIT_MB, LARGE = 5.0, 1200, 10_000_000
HUGE_CPU_LIMIT, HUGE_PEAK_LIMIT_MB, HUGE, HUGE_MEMORY_MB = 10.0, 4000, 50_000_000, 3400
_INVENTED = "none of these"


def scan(files: Files) -> dict[str, Any]:
    """Read every value of both files, and no more."""
    with duckdb.connect(config=_config(files)) as connection:
        for path in (files.left, files.right):
            described = connection.execute(f"DESCRIBE FROM '{path}'").fetchall()
            every = ", ".join(f"any_value({row[0]})" for row in described)
            connection.execute(f"SELECT {every} FROM '{path}'").fetchall()
    return {}


def assay(files: Files) -> dict[str, Any]:
    """Compare by our engine; return how many of each discrepancy were found as what they are, and how many were not."""
    sides = (ParquetRows(str(files.left)), ParquetRows(str(files.right)))
    with Comparison(PAIR, *sides, at=AT, spill=files.left.parent / "spill", memory_mb=_memory_mb(files)) as comparison:
        comparison.outcome(limit=0)
        names = [each.name for each in PAIR.fields]
        apart = "||".join(f"CASE WHEN f{place} > 0 THEN ' {name}' ELSE '' END" for place, name in enumerate(names))
        spent = _cpu()  # what follows judges the engine and is no part of it
        rows = comparison.connection.execute(
            f"SELECT t.what, f.classed, f.apart, count(*) FROM '{files.truth}' AS t FULL JOIN (SELECT \"~k0\" AS key, "
            f"classed, trim({apart}) AS apart FROM found WHERE classed IS NOT NULL) AS f USING (key) GROUP BY ALL"
        ).fetchall()
        balances = comparison.counts.balances
    return {"rows": rows, "balances": balances, "judging": _cpu() - spent}


def sql(files: Files) -> dict[str, Any]:
    """Compare by one hand-written statement and two more for copies, in the memory it takes."""
    words = " ".join(f"WHEN '{ours}' THEN '{theirs}'" for ours, theirs in STATUSES.items())
    young = f"TIMESTAMP '{(AT - GRACE):%Y-%m-%d %H:%M:%S}'"
    same = f"""l.email = r.mail AND CASE l.status {words} END = r.zustand AND l.currency = r.waehrung
        AND abs(l.total_minor - r.brutto) <= 1 AND abs(l.tax_minor - r.steuer) <= 1 AND l.items = r.positionen
        AND abs(epoch_us(l.placed_at) - epoch_us(r.belegdatum)) <= 2000000
        AND epoch_us(r.angelegt) - epoch_us(l.placed_at) <= {int(GRACE.total_seconds())} * 1000000
        AND nfc_normalize(l.city) = nfc_normalize(r.ort) AND l.payment_reference = r.zahlung AND l.store = r.kanal"""
    with duckdb.connect(config=_config(files) | {"memory_limit": "12GB"}) as connection:
        keys = connection.execute(
            f"SELECT coalesce(l.order_id, r.belegnummer) FROM '{files.left}' AS l FULL JOIN '{files.right}' AS r "
            f"ON l.order_id = r.belegnummer WHERE NOT coalesce({same}, false) "
            f"AND NOT (r.belegnummer IS NULL AND l.placed_at > {young})"
        ).fetchall()
        for key, path in (("order_id", files.left), ("belegnummer", files.right)):
            keys += connection.execute(f"SELECT {key} FROM '{path}' GROUP BY 1 HAVING count(*) > 1").fetchall()
    return {"found": len({key for (key,) in keys})}


WAYS: dict[str, Callable[[Files], dict[str, Any]]] = {"scan": scan, "assay": assay, "sql": sql}


def _memory_mb(files: Files) -> int:
    """Return what the engine may hold: its own choice, and 3.4 GB of sides that do not fit the first plan's memory."""
    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT count(*) FROM '{files.left}'").fetchall()[0][0]
    return MEMORY_MB if rows < HUGE * 9 // 10 else HUGE_MEMORY_MB


def _config(files: Files) -> dict[str, Any]:
    return {"memory_limit": f"{_memory_mb(files)}MB", "temp_directory": str(files.left.parent / "spill")}


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def run(way: str, files: Files) -> dict[str, Any]:
    """Do it in a process of its own, so that its CPU and its peak are its own."""
    command = [sys.executable, __file__, "--way", way, "--folder", str(files.left.parent)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _alone(way: str, folder: Path) -> None:
    files = Files(folder / "left.parquet", folder / "right.parquet", folder / "truth.parquet")
    before = _cpu()
    answer = WAYS[way](files)
    answer["cpu"] = _cpu() - before - answer.get("judging", 0.0)
    answer["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(answer))


def table(rows: list[list[Any]], seeded: dict[int, int]) -> tuple[list[str], int, int]:
    """Return the lines of seeded against found, and how many were missed (or taken for another), and invented."""
    right: dict[int, int] = dict.fromkeys(seeded, 0)
    invented = 0
    for what, classed, apart, count in rows:
        if what is None:
            invented += count
            continue
        _, expected, field = SEEDED[what]
        # An amount in another currency is another amount, too.
        fields = "currency total tax" if field == "currency" else field or ""
        if (classed, apart) == (expected, fields):
            right[what] += count
    lines = [f"{'discrepancy':<26}{'found as':<28}{'seeded':>9}{'found':>9}{'missed':>9}"]
    for what, (words, classed, field) in enumerate(SEEDED):
        shown = f"{classed}: {field}" if field else classed
        missed = seeded[what] - right[what]
        lines.append(f"{words:<26}{shown:<28}{seeded[what]:>9,}{right[what]:>9,}{missed:>9,}")
    lines.append(f"{_INVENTED:<26}{'anything':<28}{0:>9}{invented:>9,}")
    return lines, sum(seeded.values()) - sum(right.values()), invented


def main() -> int:
    """Print the table and the ratios; 1 when something was missed or invented, or a limit is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1, help="of which the median counts")
    parser.add_argument("--folder", type=Path, help="where the files are kept; a temporary one otherwise")
    parser.add_argument("--without-sql", action="store_true", help="leave the hand-written statement out")
    parser.add_argument("--way", choices=sorted(WAYS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        _alone(options.way, options.folder)
        return 0
    with tempfile.TemporaryDirectory(prefix="assay-reconcile-") as name:
        return _measured(write(options.folder or Path(name), options.rows), options)


def _measured(files: Files, options: argparse.Namespace) -> int:
    ways = [way for way in WAYS if way != "sql" or not options.without_sql]
    answers: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for _ in range(options.rounds):
        for way in ways:
            answers[way].append(run(way, files))
    cpu = {way: statistics.median(each["cpu"] for each in answers[way]) for way in ways}
    peak = {way: max(each["peak_mb"] for each in answers[way]) for way in ways}
    with duckdb.connect() as connection:
        counted = connection.execute(f"SELECT what, count(*) FROM '{files.truth}' GROUP BY 1").fetchall()
        sizes = [
            connection.execute(f"SELECT count(*) FROM '{path}'").fetchall()[0][0] for path in (files.left, files.right)
        ]
    lines, missed, invented = table(answers["assay"][-1]["rows"], dict(counted))
    print(f"{sizes[0]:,} rows against {sizes[1]:,}, 12 columns each")
    print("\n".join(lines))
    names = {"scan": "reading both files", "assay": "assay", "sql": "one SQL statement by hand"}
    print(f"\n{'':<28}{'CPU s':>8}{'x reading':>11}{'peak MB':>9}")
    for way in ways:
        print(f"{names[way]:<28}{cpu[way]:>8.2f}{cpu[way] / cpu['scan']:>11.2f}{peak[way]:>9,}")
    if "sql" in answers:
        print(f"the statement found {answers['sql'][-1]['found']:,} keys, and says of none what is wrong")
    ratio = cpu["assay"] / cpu["scan"]
    broken = missed or invented or not answers["assay"][-1]["balances"]
    huge = options.rows >= HUGE
    most, most_mb = (HUGE_CPU_LIMIT, HUGE_PEAK_LIMIT_MB) if huge else (CPU_LIMIT, PEAK_LIMIT_MB)
    if options.rows >= LARGE:
        broken = broken or ratio > most or peak["assay"] > most_mb
    print(
        f"limit from {HUGE if huge else LARGE:,} rows on: {most} x, {most_mb:,} MB   {'OVER' if broken else 'within'}"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
