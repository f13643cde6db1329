"""Two populations of orders compared: what is found against what was seeded, and the CPU against reading both files.

`reconcile.py --rows 10000000` writes both sides (see `reconcile_data`), compares them in a process of its own, and
prints each discrepancy seeded and found, missed and invented. Limits: 0 missed, 0 invented; at 10 million a side at
most 5.0 times the CPU of reading every column of both files, and at most 1.2 GB of memory at the peak; at 50 million
10.0 times and 4 GB. Besides, in the same run and over the same files: one SQL statement as it would be written by hand,
and with `--peers all` or `--peers ibis,polars` other tools as their users would ask them (`reconcile_peers`): their CPU
with that of the processes they start, their peak, and how many of the keys they found, missed and invented. Limits:
less CPU than the statement, ibis and Polars from 10 million on, and at 1 million a fifth of datacompy's. A fifth of
that of pandas was asked for, too, and does not hold (docs/drift_speed.md): `TIMES` has the floor of what does.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assay.drift.pairs.engine import MEMORY_MB, Comparison
from assay.drift.pairs.rows import ParquetRows
from benchmarks.reconcile_data import AT, GRACE, PAIR, SEEDED, STATUSES, Files, write
from benchmarks.reconcile_peers import PEERS

CPU_LIMIT, PEAK_LIMIT_MB, LARGE = 5.0, 1200, 10_000_000
MILLION = 1_000_000
HUGE_CPU_LIMIT, HUGE_PEAK_LIMIT_MB, HUGE, HUGE_MEMORY_MB = 10.0, 4000, 50_000_000, 3400
_INVENTED = "none of these"
LESS_THAN = ("sql", "ibis", "polars")
"""Ways that ours takes less CPU than, from ten million rows on."""
TIMES: Mapping[str, float] = {"pandas": 2.5, "pandas_objects": 3.0, "datacompy": 5.0}
"""How many times our CPU these take at least, from a million rows on; pandas takes more, but machines differ."""


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
    return _judged(files, {key for (key,) in keys})


def _judged(files: Files, found: set[str]) -> dict[str, Any]:
    """Return how many of the keys that are wrong were found, missed and invented."""
    spent = _cpu()
    with duckdb.connect() as connection:
        truth = {key for (key,) in connection.execute(f"SELECT key FROM '{files.truth}'").fetchall()}
    answer = {"right": len(truth & found), "missed": len(truth - found), "invented": len(found - truth)}
    return {**answer, "judging": _cpu() - spent}


WAYS: dict[str, Callable[[Files], dict[str, Any]]] = {"scan": scan, "assay": assay, "sql": sql}


def _memory_mb(files: Files) -> int:
    """Return what the engine may hold: its own choice, and 3.4 GB of sides that do not fit the first plan's memory."""
    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT count(*) FROM '{files.left}'").fetchall()[0][0]
    return MEMORY_MB if rows < HUGE * 9 // 10 else HUGE_MEMORY_MB


def _config(files: Files) -> dict[str, Any]:
    return {"memory_limit": f"{_memory_mb(files)}MB", "temp_directory": str(files.left.parent / "spill")}


def _cpu() -> float:
    """Return the seconds of this process, and of those it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _peak_mb() -> int:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_maxrss for each in used) // 1024


def run(way: str, files: Files) -> dict[str, Any]:
    """Do it in a process of its own, so that its CPU and its peak are its own."""
    command = [sys.executable, __file__, "--way", way, "--folder", str(files.left.parent)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{way} failed: {(done.stderr.strip().splitlines() or ['without a word'])[-1]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _alone(way: str, folder: Path) -> None:
    files = Files(folder / "left.parquet", folder / "right.parquet", folder / "truth.parquet")
    for module in PEERS[way].modules if way in PEERS else ():
        import_module(module)
    before = _cpu()
    answer = WAYS[way](files) if way in WAYS else _judged(files, PEERS[way].compare(files))
    answer["cpu"] = _cpu() - before - answer.get("judging", 0.0)
    answer["peak_mb"] = _peak_mb()
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
    parser.add_argument("--peers", default="", metavar="all|NAMES", help=f"of {', '.join(PEERS)}, by commas")
    parser.add_argument("--way", choices=sorted([*WAYS, *PEERS]), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        _alone(options.way, options.folder)
        return 0
    with tempfile.TemporaryDirectory(prefix="assay-reconcile-") as name:
        return _measured(write(options.folder or Path(name), options.rows), options)


def _chosen(options: argparse.Namespace) -> list[str]:
    """Return the ways to measure; a peer that is not there, or cannot hold so much, is named with what to do."""
    ways = [way for way in WAYS if way != "sql" or not options.without_sql]
    for name in list(PEERS) if options.peers == "all" else options.peers.replace(",", " ").split():
        if name not in PEERS:
            raise SystemExit(f"no tool '{name}'; there are {', '.join(PEERS)}")
        peer = PEERS[name]
        if peer.absent:
            print(f"{peer.shown}: skipped, pip install {peer.install}")
        elif options.rows > peer.most:
            print(f"{peer.shown}: skipped, of more than {peer.most:,} rows a side it holds more than there is")
        else:
            ways.append(name)
    return ways


def _measured(files: Files, options: argparse.Namespace) -> int:
    answers: dict[str, list[dict[str, Any]]] = {way: [] for way in _chosen(options)}
    for _ in range(options.rounds):
        for way in list(answers):
            try:
                answers[way].append(run(way, files))
            except RuntimeError as error:
                if way in WAYS:
                    raise
                print(error)
                del answers[way]
    cpu = {way: statistics.median(each["cpu"] for each in found) for way, found in answers.items()}
    peak = {way: max(each["peak_mb"] for each in found) for way, found in answers.items()}
    with duckdb.connect() as connection:
        counted = connection.execute(f"SELECT what, count(*) FROM '{files.truth}' GROUP BY 1").fetchall()
        sizes = [
            connection.execute(f"SELECT count(*) FROM '{path}'").fetchall()[0][0] for path in (files.left, files.right)
        ]
    lines, missed, invented = table(answers["assay"][-1]["rows"], dict(counted))
    print(f"{sizes[0]:,} rows against {sizes[1]:,}, 12 columns each")
    print("\n".join(lines))
    seeded = sum(count for _, count in counted)
    answers["assay"][-1] |= {"right": seeded - missed, "missed": missed, "invented": invented}
    _print_ways(answers, cpu, peak)
    print(
        f"limit 0 missed, 0 invented: {missed:,} missed, {invented:,} invented of {seeded:,} in {options.rows:,} rows"
    )
    exact = not (missed or invented) and answers["assay"][-1]["balances"]
    return 0 if _within_limits(options.rows, cpu, peak) and exact else 1


def _print_ways(answers: dict[str, list[dict[str, Any]]], cpu: dict[str, float], peak: dict[str, int]) -> None:
    names = {"scan": "reading both files", "assay": "assay", "sql": "one SQL statement by hand"}
    print(
        f"\n{'':<28}{'CPU s':>8}{'x reading':>11}{'x assay':>9}{'peak MB':>9}{'right':>9}{'missed':>9}{'invented':>10}"
    )
    for way, found in answers.items():
        told = [found[-1].get(each) for each in ("right", "missed", "invented")]
        keys = "".join(f"{each:>{width},}" for each, width in zip(told, (9, 9, 10), strict=True) if each is not None)
        ratios = f"{cpu[way] / cpu['scan']:>11.2f}{cpu[way] / cpu['assay']:>9.2f}"
        print(f"{names.get(way) or PEERS[way].shown:<28}{cpu[way]:>8.2f}{ratios}{peak[way]:>9,}{keys}")
    print("assay says of each key what is wrong, in which field; the others say that something is")


def _within_limits(rows: int, cpu: dict[str, float], peak: dict[str, int]) -> bool:
    huge = rows >= HUGE
    most, most_mb = (HUGE_CPU_LIMIT, HUGE_PEAK_LIMIT_MB) if huge else (CPU_LIMIT, PEAK_LIMIT_MB)
    broken = []
    if rows >= MILLION:
        broken = [
            f"{name} takes less than {times} times the CPU"
            for name, times in TIMES.items()
            if cpu.get(name, 1e9) < times * cpu["assay"]
        ]
    if rows >= LARGE:
        broken += [f"{name} takes less CPU" for name in LESS_THAN if cpu.get(name, 1e9) < cpu["assay"]]
        broken += ["CPU"] if cpu["assay"] > most * cpu["scan"] else []
        broken += ["memory"] if peak["assay"] > most_mb else []
    said = f"OVER: {', '.join(broken)}" if broken else "within"
    print(f"limit from {HUGE if huge else LARGE:,} rows on: {most} x, {most_mb:,} MB   {said}")
    return not broken


if __name__ == "__main__":
    sys.exit(main())
