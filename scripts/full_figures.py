"""Writes docs/full.md from what the parts of scripts/full.py left: how each ended, JUnit of tests, JSON of the rest.

    python scripts/full_figures.py [--from FOLDER] [--to FILE]

Nothing is taken from the terminal's words and nothing is written by hand. A part that left no figures, or not yet ran,
is named as such.
"""

# ruff: noqa: T201 - what it prints is what it is for

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.full import EXAMPLES, ORDERS, OUT, ROOT, TOO_LONG, Part, parts

PAGE = ROOT / "docs" / "full.md"
_SLOWEST = 15
_LONGEST_REASON = 160
Figures = Mapping[str, Any]


@dataclass
class Tests:
    """What JUnit files say, added up."""

    ran: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    slowest: list[tuple[float, str]] = field(default_factory=list)

    @property
    def passed(self) -> int:
        """How many passed."""
        return self.ran - len(self.failed) - len(self.skipped)

    def add(self, other: Tests) -> None:
        """Count another file's tests, too."""
        self.ran += other.ran
        self.failed += other.failed
        self.skipped += other.skipped
        self.slowest = sorted(self.slowest + other.slowest, reverse=True)[:_SLOWEST]


def tests_of(path: Path) -> Tests:
    """Return what a JUnit file says; a test that passes and then fails to clean up has failed."""
    tests = Tests()
    worst: dict[str, ElementTree.Element | None] = {}
    seconds: dict[str, float] = {}
    for case in ElementTree.parse(path).iter("testcase"):  # noqa: S314 - pytest's own output of a minute ago
        name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name', '')}"
        broken = next((each for each in case if each.tag in ("failure", "error")), None)
        verdict = broken if broken is not None else case.find("skipped")
        if worst.get(name) is None or (broken is not None):
            worst[name] = verdict
        seconds[name] = seconds.get(name, 0.0) + float(case.get("time", "0"))
    tests.ran = len(worst)
    for name, verdict in worst.items():
        if verdict is not None:
            (tests.skipped if verdict.tag == "skipped" else tests.failed).append((name, _first(verdict)))
    tests.slowest = sorted(((took, name) for name, took in seconds.items()), reverse=True)[:_SLOWEST]
    return tests


def page(everything: Sequence[Part], folder: Path) -> str:
    """Return the page over all parts whose output lies in the folder."""
    records = {part.name: _read(part.file("run.json", folder)) for part in everything}
    junit = {
        part.name: tests_of(part.file("xml", folder))
        for part in everything
        if part.figures == "xml" and part.file("xml", folder).exists()
    }
    total = Tests()
    for each in junit.values():
        total.add(each)
    figures = {part.name: _read(part.file("json", folder)) for part in everything if part.figures == "json"}
    answers = [_read(part.file("answers.json", folder)) for part in everything if part.figures == "xml"]
    blocks = [
        _head(records),
        _parts(everything, records, junit, figures),
        _tests(total),
        _answers([each for each in answers if each]),
        _selftest(figures.get("selftest")),
        _fidelity(figures.get("fidelity")),
        _bench({**(figures.get("bench") or {}), **(figures.get("drift") or {})}),
        _mutation(figures.get("mutation")),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _head(records: Mapping[str, Figures | None]) -> list[str]:
    ran = [each for each in records.values() if each]
    lines = [
        "# The long run",
        "",
        "Written by `scripts/full_figures.py` from what the parts of the last `make full` left; not by hand. It runs",
        "every part; `make full SHARD=1/2` runs one machine's share of two, `make full SHARD=mutation` one by name.",
        f"Each property is tried with {EXAMPLES:,} examples and {ORDERS:,} drawn orders are judged here, where every",
        "other run takes 100 of both.",
    ]
    if not ran:
        return [*lines, "", "No part has run yet."]
    passed = sum(each["exit_code"] == 0 for each in ran)
    minutes = sum(each["seconds"] for each in ran) / 60
    lines += ["", f"{len(ran)} of {len(records)} parts ran, {passed} passed, in {minutes:.0f} minutes."]
    lines += ["", "| | |", "|---|---|"]
    for name, words in (
        ("commit", sorted({each["commit"][:12] + (" and changes" if each["changed"] else "") for each in ran})),
        ("date (UTC)", sorted({each["began"][:10] for each in ran})),
        ("Python", sorted({each["python"] for each in ran})),
        ("machine", sorted({f"{each['system']}, {each['cores']} cores" for each in ran})),
    ):
        lines.append(f"| {name} | {', '.join(words)} |")
    if len({each["commit"] for each in ran}) > 1:
        lines += ["", "**The parts are of different commits; the table below says which.**"]
    return lines


def _parts(
    everything: Sequence[Part],
    records: Mapping[str, Figures | None],
    junit: Mapping[str, Tests],
    figures: Mapping[str, Figures | None],
) -> list[str]:
    rows = []
    for part in everything:
        record = records[part.name]
        if record is None:
            rows.append((part.name, part.title, "not run", "", "", f"{part.limit_minutes}", ""))
            continue
        left = junit.get(part.name) if part.figures == "xml" else figures.get(part.name)
        result = {0: "passed", TOO_LONG: "**ended: too long**"}.get(record["exit_code"], "**failed**")
        if left is None:
            result = f"{result}, left no figures"
        counts = f"{left.ran} run, {len(left.failed)} failed" if isinstance(left, Tests) else ""
        took = f"{record['seconds']:.0f}"
        rows.append((part.name, part.title, result, counts, took, f"{record['limit_minutes']}", record["commit"][:12]))
    columns = ("part", "what", "result", "tests", "seconds", "limit, minutes", "commit")
    return ["## Parts", "", *_table(columns, rows)]


def _tests(total: Tests) -> list[str]:
    if not total.ran:
        return []
    lines = [
        "## Tests",
        "",
        f"{total.ran} tests: {total.passed} passed, {len(total.failed)} failed, {len(total.skipped)} skipped.",
    ]
    for title, named in (("Failed", total.failed), ("Skipped", total.skipped)):
        if named:
            lines += ["", f"### {title}", "", *_table(("test", "why"), named)]
    slow = [(name, f"{seconds:.1f}") for seconds, name in total.slowest]
    return [*lines, "", "### Slowest", "", *_table(("test", "seconds"), slow)]


def _answers(counted: Sequence[Figures]) -> list[str]:
    if not counted:
        return []
    vendors = sorted({vendor for each in counted for vendor in each["answers"]})
    rows = [
        (
            vendor,
            f"{sum(each['answers'].get(vendor, 0) for each in counted)}",
            f"{max(each['operations'].get(vendor, 0) for each in counted)}",
            f"{sum(each['outside'].get(vendor, 0) for each in counted)}",
        )
        for vendor in vendors
    ]
    violations = sum(sum(each["violations"].values()) for each in counted)
    return [
        "## Simulators' answers against the vendors' documents",
        "",
        f"{sum(int(row[1]) for row in rows)} answers, {violations} violations.",
        "",
        *_table(("system", "answers", "operations", "outside the document"), rows),
    ]


def _selftest(content: Figures | None) -> list[str]:
    if not content:
        return []
    counts = ", ".join(f"{words} {number}" for words, number in content.get("counts", {}).items())
    defects, quiet = content.get("defects", {}), dict(content.get("innocent", {}))
    if "healthy" in content:
        quiet["healthy shop"] = content["healthy"]
    lines = ["## Self-test", "", f"{counts}."]
    missed = [(id, each.get("meaning", "")) for id, each in defects.items() if not each.get("caught")]
    alarms = [(id, "; ".join(each["alarms"])) for id, each in quiet.items() if each.get("alarms")]
    waiting = [(id, each.get("waits_for", "")) for id, each in content.get("waiting", {}).items()]
    caught = [(id, ", ".join(each.get("oracles", []))) for id, each in defects.items() if each.get("caught")]
    for title, columns, rows in (
        ("Missed", ("defect", "what it is"), missed),
        ("False alarms", ("variation", "what was said"), alarms),
        ("Waiting for their flow, not counted", ("defect", "waits for"), waiting),
        ("Caught", ("defect", "by"), caught),
    ):
        if rows:
            lines += ["", f"### {title}", "", *_table(columns, rows)]
    return lines


def _fidelity(rows: Any) -> list[str]:
    if not rows:
        return []
    told = [
        (
            each["client"],
            each["version"],
            f"{each['passed']}/{each['planned']}",
            "passed" if each["is_pass"] else f"**failed** {each['problem']}",
        )
        for each in rows
    ]
    return ["## The vendors' own clients", "", *_table(("client", "version", "steps", "result"), told)]


def _bench(content: Figures | None) -> list[str]:
    if not content:
        return []
    rows = [
        (name, line, "within" if each["exit_code"] == 0 else f"**exit {each['exit_code']}**")
        for name, each in content.items()
        for line in (each["limits"] or ["no figure was printed"])
    ]
    return ["## Speed", "", *_table(("benchmark", "figure", "result"), rows)]


def _mutation(content: Figures | None) -> list[str]:
    if not content:
        return []
    families: Mapping[str, Mapping[str, int]] = content["families"]
    tried = sum(each["tried"] for each in families.values())
    killed = sum(each["killed"] for each in families.values())
    rows = [
        (name, *(f"{each[column]}" for column in ("mutants", "tried", "killed"))) for name, each in families.items()
    ]
    survivors = [
        (f"{each['file']}:{each['line']}", each.get("operator", ""), " ".join(each.get("diff", "").split()))
        for each in content.get("survivors", [])
    ]
    lines = ["## Mutation", "", f"{killed} of {tried} mutants killed, {killed / max(tried, 1):.1%}.", ""]
    lines += _table(("family", "mutants", "tried", "killed"), rows)
    if survivors:
        lines += ["", "### Survivors", "", *_table(("place", "operator", "change"), survivors)]
    return lines


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield f"| {' | '.join(_cell(each) for each in row)} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def _first(verdict: ElementTree.Element) -> str:
    """Return the first line of why a test failed or was skipped, without places of this machine."""
    words = (verdict.get("message") or verdict.text or "").strip().splitlines() or ["no reason given"]
    return words[0].replace(f"{ROOT}/", "").replace(str(ROOT.parent), "..")[:_LONGEST_REASON]


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def main() -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", type=Path, dest="folder", default=OUT, help="where the parts left their output")
    parser.add_argument("--to", type=Path, dest="page", default=PAGE, help="the page")
    options = parser.parse_args()
    options.page.parent.mkdir(parents=True, exist_ok=True)
    options.page.write_text(page(parts(options.folder), options.folder), encoding="utf-8")
    print(f"written: {options.page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
