"""The self-test: every defect of the reference merchant must turn the run red, everything legal must leave it green.

Each trial has a landscape of its own (ports, clock, store, journal). What comes of it is the detection matrix, defect
by oracle, as Markdown for people and as JSON, version 1:

    version      1;  command: "selftest";  run_id;  exit_code, as everywhere (0 all caught and no alarm)
    counts       defects, caught, innocent, alarms, seconds
    healthy      {"alarms": [sentence, …], "evaluated": n, "seconds": s}, absent where it was not tried
    defects      by id: {"meaning", "caught": bool, "oracles": [id, …] ("step" for a failed step), "sentence": what the
                 user reads first, "cases": [case, …] that were red, "seconds", "fresh_s", "trouble": [text, …]}
    innocent     by id: {"meaning", "alarms": [sentence, …], "evaluated": n, "seconds", "trouble": [text, …]}
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from assay.errors import AssayError
from assay.events import Finding, Listener, Outcome, Progress
from assay.local.plan import Plan
from assay.reporting.text import one_line
from assay.reporting.verdict import violations
from assay.runners.lane import Lane, Tried
from assay.runners.run_log import OUT
from assay.runners.session import new_run_id
from assay.runners.trials import MATRIX, Trial
from assay.runners.verdict import NOTHING_RAN, Trouble, Verdict, write_json

VERSION = 1
LANES = 2
STEP = "step"


def self_test(
    plan: Plan, trials: Sequence[Trial], *, lanes: int = LANES, listen: Listener = lambda _: None
) -> list[Tried]:
    """Run every trial, in lanes side by side, and return what came of each, in the order given.

    `KeyboardInterrupt` goes on once the lanes are taken down.
    """
    waiting: SimpleQueue[tuple[int, Trial]] = SimpleQueue()
    for numbered in enumerate(trials):
        waiting.put(numbered)
    done: dict[int, Tried] = {}
    stop = threading.Event()
    run_id = new_run_id()

    def work(number: int) -> None:
        lane = Lane(plan, Path(tempfile.mkdtemp(prefix=f"assay-selftest-{number}-")), run_id)
        try:
            while not stop.is_set():
                try:
                    position, trial = waiting.get_nowait()
                except Empty:
                    return
                listen(Progress(part=trial.id, state="starting"))
                done[position] = _attempted(lane, trial)
                listen(_told(done[position]))
        finally:
            lane.close()

    with ThreadPoolExecutor(min(lanes, len(trials)) or 1, thread_name_prefix="lane") as pool:
        attempts = [pool.submit(work, number) for number in range(min(lanes, len(trials)))]
        try:
            for attempt in attempts:
                while not attempt.done():
                    time.sleep(0.1)
                attempt.result()
        except BaseException:
            stop.set()
            raise
    return [done[position] for position in sorted(done)]


def exit_code_of(tried: Sequence[Tried]) -> int:
    """Return 0 where every defect was caught and nothing else gave an alarm; 3 before 1; 5 where nothing was tried."""
    if not tried:
        return NOTHING_RAN
    codes = {code for each in tried for code in _codes(each)}
    return next((code for code in (4, 2, 3, 1) if code in codes), 0)


def is_caught(tried: Tried) -> bool:
    """Whether a finding or a failed step showed it; trouble of the landscape shows nothing."""
    return bool(oracles_of(tried))


def oracles_of(tried: Tried) -> list[str]:
    """Return the oracles that were red, and ``step`` where a step of the flow failed."""
    found = {finding.oracle for outcome in tried.verdict.outcomes for finding in violations(outcome)}
    steps = [STEP] if any(_broken_steps(outcome) for outcome in tried.verdict.outcomes) else []
    return sorted(found) + steps


def sentences_of(tried: Tried) -> list[str]:
    """Return what a user reads, findings before failed steps, each once."""
    findings = [finding for outcome in tried.verdict.outcomes for finding in violations(outcome)]
    findings.sort(key=_telling)
    steps = [sentence for outcome in tried.verdict.outcomes for sentence in _broken_steps(outcome)]
    return list(dict.fromkeys([finding.sentence() for finding in findings] + steps))


def as_json(tried: Sequence[Tried]) -> dict[str, Any]:
    """Return the content of the JSON file; see the top of this module."""
    by_kind: dict[str, list[Tried]] = {"healthy": [], "defect": [], "innocent": []}
    for each in tried:
        by_kind[each.trial.kind].append(each)
    quiet = by_kind["healthy"] + by_kind["innocent"]
    content: dict[str, Any] = {
        "version": VERSION,
        "command": "selftest",
        "exit_code": exit_code_of(tried),
        "counts": {
            "defects": len(by_kind["defect"]),
            "caught": sum(is_caught(each) for each in by_kind["defect"]),
            "innocent": len(by_kind["innocent"]),
            "alarms": sum(bool(sentences_of(each)) for each in quiet),
        },
        "defects": {each.trial.id: _defect(each) for each in by_kind["defect"]},
        "innocent": {each.trial.id: _quiet(each) for each in by_kind["innocent"]},
    }
    for each in by_kind["healthy"]:
        content["healthy"] = _quiet(each)
    return content


def as_markdown(tried: Sequence[Tried]) -> str:
    """Return the detection matrix and the sentences as Markdown."""
    content = as_json(tried)
    counts = content["counts"]
    lines = [
        "# Self-test",
        "",
        f"{counts['caught']} of {counts['defects']} defects caught; {counts['alarms']} false alarms over "
        f"{counts['innocent']} innocent variations" + (" and the healthy shop." if "healthy" in content else "."),
        "",
    ]
    quiet = {**({"healthy": content["healthy"]} if "healthy" in content else {}), **content["innocent"]}
    if quiet:
        lines += ["## What must stay silent", "", "| variation | verdicts | alarms |", "|---|---|---|"]
        for id, each in quiet.items():
            told = "; ".join(each["alarms"] + each["trouble"]) or "none"
            lines.append(f"| {id}: {_cell(each['meaning'])} | {each['evaluated']} | {_cell(told)} |")
        lines.append("")
    if content["defects"]:
        lines += _matrix(content["defects"])
    return "\n".join(lines) + "\n"


def write(plan: Plan, tried: Sequence[Tried], json_path: Path | None) -> list[Path]:
    """Write the matrix into the project's reports (and where --json says) and return the files."""
    folder = plan.profile.folder / OUT
    content = as_json(tried)
    paths = [folder / MATRIX, folder / "selftest.md", *([json_path] if json_path else [])]
    for path in paths:
        if path.suffix == ".md":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(as_markdown(tried), encoding="utf-8", errors="replace")
        else:
            write_json(path, content)
    return paths


def _attempted(lane: Lane, trial: Trial) -> Tried:
    began = time.perf_counter()
    try:
        return lane.attempt(trial)
    except AssayError as error:
        return Tried(trial, Verdict(trouble=[Trouble.of(error)]), time.perf_counter() - began, 0.0)


def _told(tried: Tried) -> Progress:
    caught, sentences = is_caught(tried), sentences_of(tried) + list(tried.verdict.sentences())
    good = caught if tried.trial.kind == "defect" else not sentences
    word = ("caught" if caught else "MISSED") if tried.trial.kind == "defect" else ("silent" if good else "ALARM")
    detail = f"{word} {tried.seconds:.1f} s  {one_line(sentences[0])[:140] if sentences else ''}".rstrip()
    return Progress(part=tried.trial.id, state="ready" if good else "failed", detail=detail)


def _codes(tried: Tried) -> set[int]:
    trouble = {each.code for each in tried.verdict.trouble}
    if tried.trial.kind == "defect":
        return set() if is_caught(tried) else trouble or {1}
    return trouble | ({tried.verdict.exit_code} - {0})


def _defect(tried: Tried) -> dict[str, Any]:
    sentences = sentences_of(tried)
    return {
        "meaning": tried.trial.meaning,
        "caught": is_caught(tried),
        "oracles": oracles_of(tried),
        "sentence": sentences[0] if sentences else "",
        "cases": sorted({f"{each.flow}[{each.case}]" for each in tried.verdict.outcomes if each.failed}),
        "seconds": round(tried.seconds, 1),
        "fresh_s": round(tried.fresh_s, 2),
        "trouble": list(tried.verdict.sentences()),
    }


def _quiet(tried: Tried) -> dict[str, Any]:
    return {
        "meaning": tried.trial.meaning,
        "alarms": sentences_of(tried),
        "evaluated": tried.verdict.evaluated,
        "seconds": round(tried.seconds, 1),
        "trouble": list(tried.verdict.sentences()),
    }


def _matrix(defects: Mapping[str, Mapping[str, Any]]) -> list[str]:
    oracles = sorted({oracle for each in defects.values() for oracle in each["oracles"]})
    lines = [
        "## Detection matrix",
        "",
        f"| defect | caught | {' | '.join(oracles)} |",
        "|---" * (len(oracles) + 2) + "|",
    ]
    for id, each in defects.items():
        marks = " | ".join("x" if oracle in each["oracles"] else "" for oracle in oracles)
        lines.append(f"| {id} | {'yes' if each['caught'] else '**missed**'} | {marks} |")
    lines += ["", "## What the user is told", ""]
    for id, each in defects.items():
        told = each["sentence"] or "; ".join(each["trouble"]) or "nothing"
        lines.append(f"- **{id}** {_cell(each['meaning'])} Told: {_cell(told)}")
    return lines


def _telling(finding: Finding) -> tuple[bool, bool]:
    """Order findings by what they tell: with a cause and money first."""
    return (not finding.cause, finding.at_risk is None)


def _broken_steps(outcome: Outcome) -> list[str]:
    broken = [
        (step.name, (step.error or "").partition("\n")[0]) for step in outcome.steps if step.error and step.code < 2
    ]
    return [f"{outcome.flow}[{outcome.case}] step '{name}' failed: {one_line(error)}" for name, error in broken]


def _cell(text: str) -> str:
    return one_line(text).replace("|", "\\|")
