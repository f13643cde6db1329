"""The long run: every test, the self-test, mutation, speed and the vendors' clients, part by part.

    python scripts/full.py                        every part, one after the other, then docs/full.md
    python scripts/full.py --shard 1/2            this machine's share, when two divide the parts
    python scripts/full.py --shard bench,fidelity parts by their names
    python scripts/full.py --shard 1/2 --list     what would run, with each part's limit

A part is one command with a limit of minutes, after which it is ended and counts as failed. What it says goes to
reports/out/full/<part>.log, its own figures to <part>.xml (JUnit) or <part>.json, and how it went (commit, machine,
seconds, exit code) to <part>.run.json. From these scripts/full_figures.py writes docs/full.md; parts that did not run
keep what their last run left, so that shards of several machines can be copied together. Exit code 0: every part that
ran is well; 1: one is not; 2: wrong use; 130: interrupted.
"""

# ruff: noqa: T201 - what it prints is what it is for

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import psutil

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "reports" / "out" / "full"
TEST_PARTS = 3
DRAWN = tuple(f"tests/engine/test_drawn_{what}.py" for what in ("baskets", "lives", "orders"))
"""Thousands of orders that are drawn, bought and judged: an hour by themselves."""
EXAMPLES = 1_000
"""Examples of each property in the long run; Hypothesis's own 100 in every other."""
ORDERS = 1_000
"""Drawn orders bought and judged in the long run; 100 in every other."""
TOO_LONG = 124
"""The exit code of a part whose time was over."""
_PATIENCE_S = 30
_DEATH_S = 5
_LOOK_S = 0.2
_MARK = "ASSAY_FULL_RUN"
"""In the environment of whatever a part starts, so that nothing of it is left running."""
_ASSAY = Path(sys.executable).with_name("assay")


@dataclass(frozen=True)
class Part:
    """One command of the long run. figures: how its own file ends; limit_minutes: when it is ended."""

    name: str
    title: str
    command: tuple[str, ...]
    limit_minutes: int
    figures: str = "json"
    variables: Mapping[str, str] = field(default_factory=dict)

    def file(self, kind: str, folder: Path = OUT) -> Path:
        """Return where the part's log, run.json or own figures lie."""
        return folder / f"{self.name}.{kind}"


def test_files(root: Path = ROOT) -> list[str]:
    """Return every file of tests but those of drawn orders, by its path from the root, sorted."""
    found = [path for folder in ("tests", "scenarios") for path in (root / folder).rglob("test_*.py")]
    return sorted({path.relative_to(root).as_posix() for path in found}.difference(DRAWN))


def dealt(files: Sequence[str], number: int, of: int) -> list[str]:
    """Return the files of one part: dealt in turn, so that each part gets of every folder."""
    return list(files[number - 1 :: of])


def parts(folder: Path = OUT) -> list[Part]:
    """Return all parts, in the order they run: first what is most likely to fail."""
    python = sys.executable
    tests = [
        _of_tests(
            f"tests-{number}", f"tests, {number} of {TEST_PARTS}", dealt(test_files(), number, TEST_PARTS), folder
        )
        for number in range(1, TEST_PARTS + 1)
    ]
    return [
        *tests,
        _of_tests("drawn", "thousands of drawn orders, bought and judged", DRAWN, folder, limit_minutes=90),
        Part(
            "selftest",
            "every defect, every innocent variation",
            (str(_ASSAY), "selftest", "--json", str(folder / "selftest.json")),
            60,
        ),
        Part(
            "fidelity",
            "the vendors' own clients",
            (python, "tests/fidelity/run.py", "--json", str(folder / "fidelity.json")),
            20,
        ),
        Part(
            "bench",
            "speed against its limits",
            (python, "benchmarks/run.py", "--long", "others", "--json", str(folder / "bench.json")),
            40,
        ),
        Part(
            "drift",
            "drift: exactness, sixty days and speed, up to 50 million records a side",
            (python, "benchmarks/run.py", "--long", "drift", "--json", str(folder / "drift.json")),
            80,
        ),
        Part(
            "mutation",
            "mutants of judges and money",
            (python, "scripts/mutation.py", "--minutes", "60", "--json", str(folder / "mutation.json")),
            80,
        ),
    ]


def _of_tests(name: str, title: str, files: Sequence[str], folder: Path, limit_minutes: int = 40) -> Part:
    """Return the part that runs files of tests, on all cores."""
    return Part(
        name,
        title,
        (
            *(sys.executable, "-m", "pytest", "-n", str(os.cpu_count() or 1), "--dist", "loadgroup", "-q"),
            *(f"--junitxml={folder / f'{name}.xml'}", *files),
        ),
        limit_minutes,
        "xml",
        {
            "ASSAY_EXAMPLES": str(EXAMPLES),
            "ASSAY_ORDERS": str(ORDERS),
            "ASSAY_ANSWERS": str(folder / f"{name}.answers.json"),
        },
    )


def chosen(shard: str | None, everything: Sequence[Part]) -> list[Part]:
    """Return the parts of a shard: all, K of N by their limits, or named ones; `ValueError` for none of these."""
    if shard is None:
        return list(everything)
    names = shard.split(",")
    if set(names) <= {part.name for part in everything}:
        return [part for part in everything if part.name in names]
    number, slash, of = shard.partition("/")
    if not (slash and number.isdigit() and of.isdigit() and 1 <= int(number) <= int(of)):
        known = ", ".join(part.name for part in everything)
        raise ValueError(f"{shard} is no shard: expected K/N with 1 <= K <= N, such as 1/2, or of these: {known}")
    loads: list[list[Part]] = [[] for _ in range(int(of))]
    for part in sorted(everything, key=lambda part: -part.limit_minutes):
        min(loads, key=lambda load: sum(each.limit_minutes for each in load)).append(part)
    return [part for part in everything if part in loads[int(number) - 1]]


def perform(part: Part, folder: Path = OUT) -> bool:
    """Run one part, its words on the terminal and in its log; write how it went; return whether it is well."""
    folder.mkdir(parents=True, exist_ok=True)
    part.file(part.figures, folder).unlink(missing_ok=True)
    began, clock = datetime.now(UTC), time.monotonic()
    exit_code = _watched(part, part.file("log", folder))
    seconds = time.monotonic() - clock
    record = {
        "part": part.name,
        "title": part.title,
        "began": began.isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "limit_minutes": part.limit_minutes,
        "exit_code": exit_code,
        **_here(),
    }
    part.file("run.json", folder).write_text(json.dumps(record, indent=2), encoding="utf-8")
    print(f"== {part.name}: exit {exit_code}, {seconds:.0f} s of at most {part.limit_minutes * 60} s", flush=True)
    return exit_code == 0


def _watched(part: Part, log: Path) -> int:
    """Run the command in a group of its own, ended when its time is over; return its exit code."""
    token = secrets.token_hex(8)
    # Into a file, not through a pipe: a server that a command forgot would hold a pipe open for ever.
    with log.open("wb") as sink, log.open("rb") as told:
        process = subprocess.Popen(
            part.command,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **part.variables, _MARK: token},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + part.limit_minutes * 60
        try:
            while process.poll() is None:
                if time.monotonic() > deadline:
                    print(f"== {part.name}: ended, it took more than {part.limit_minutes} minutes", flush=True)
                    return TOO_LONG
                _show(told)
                time.sleep(_LOOK_S)
            return process.returncode
        finally:
            _end(process, token)
            _show(told)


def _show(told: BinaryIO) -> None:
    sys.stdout.write(told.read().decode(errors="replace"))
    sys.stdout.flush()


def _end(process: subprocess.Popen[bytes], token: str) -> None:
    """Let the command take down what it started, as Ctrl-C does; then end what it forgot."""
    for name, wait_s in ((signal.SIGINT, _PATIENCE_S), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError):
            if process.poll() is None:
                os.killpg(process.pid, name)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=wait_s)
    killed = []
    for left in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if left.environ().get(_MARK) == token:
                left.kill()
                killed.append(left)
    deadline = time.monotonic() + _DEATH_S
    while any(_lives(each) for each in killed) and time.monotonic() < deadline:
        time.sleep(0.01)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _here() -> dict[str, object]:
    """Return what the figures depend on: commit, interpreter, machine."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    return {
        "commit": git("rev-parse", "HEAD"),
        "changed": bool(git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/full.md")),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
    }


def main() -> int:
    """Run the chosen parts and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shard", metavar="K/N or NAME,…", help="this share of the parts, or these; all by default")
    parser.add_argument("--list", action="store_true", help="say what would run, and run nothing")
    options = parser.parse_args()
    try:
        mine = chosen(options.shard or None, parts())
    except ValueError as error:
        parser.error(str(error))
    for part in mine:
        print(f"{part.name:<12}{part.title:<42}at most {part.limit_minutes:>3} min")
    print(f"{'':<54}at most {sum(part.limit_minutes for part in mine):>3} min", flush=True)
    if options.list:
        return 0
    failed = []
    for part in mine:
        print(f"\n== {part.name}: {part.title}", flush=True)
        if not perform(part):
            failed.append(part.name)
    subprocess.run([sys.executable, str(ROOT / "scripts" / "full_figures.py")], check=True)
    print(f"not well: {', '.join(failed)}" if failed else f"well: {', '.join(part.name for part in mine)}")
    return 1 if failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or what a part started would be left running
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
