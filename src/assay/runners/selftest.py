"""The self-test: every defect of the reference merchant must turn the run red, everything legal must leave it green.

Each trial has a landscape of its own (ports, clock, store, journal). What comes of it is the detection matrix, defect
by oracle, as Markdown for people and as JSON, version 1:

    version      1;  command: "selftest";  exit_code, as everywhere (0 all caught and no alarm);  seconds: all of it
    counts       defects (tried), caught (by an oracle its file names, or by any where it names none), otherwise (only
                 by another one), missed, waiting, innocent (tried), alarms (trials that must be silent and were not)
    healthy      {"alarms": [sentence, …], "evaluated": n, "seconds": s}, absent where it was not tried
    defects      by id: {"meaning", "caught": bool, "as_declared": bool, "declared": [id, …] of which one must find it,
                 "oracles": [id, …] that did ("step" for a failed step), "sentence": what the user reads first,
                 "cases": [case, …] that were red, "seconds", "fresh_s", "trouble": [text, …]}
    innocent     by id: {"meaning", "alarms": [sentence, …], "evaluated": n, "seconds", "trouble": [text, …]}
    waiting      by id: {"meaning", "waits_for"}: defects nothing can show yet; not tried, not counted, never green
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from assay.errors import AssayError
from assay.events import Finding, Listener, Outcome, Progress
from assay.local.plan import Plan
from assay.local.uninterrupted import uninterrupted
from assay.oracles.cause import UNKNOWN
from assay.reporting.text import one_line
from assay.reporting.verdict import violations
from assay.runners.lane import Lane, Tried
from assay.runners.run_log import OUT
from assay.runners.session import new_run_id
from assay.runners.trials import MATRIX, STEP, Trial
from assay.runners.verdict import INTERRUPTED, NOTHING_RAN, Trouble, Verdict, write_json

VERSION = 1
LANES = 2
_PATIENCE_S = 600.0
"""A trial takes seconds; one that takes this long (a job that fails for ever stops the clock) is ended as trouble."""


def self_test(
    plan: Plan,
    trials: Sequence[Trial],
    *,
    lanes: int = LANES,
    listen: Listener = lambda _: None,
    heard: Callable[[Tried], None] = lambda _: None,
) -> list[Tried]:
    """Run every trial but the waiting ones, in lanes side by side; return what came of each, in the order given.

    heard: gets each as it comes. `KeyboardInterrupt` goes on once the lanes are taken down; of a trial that it ended
    nothing is told.
    """
    trials = [trial for trial in trials if trial.kind != "waiting"]
    queue: SimpleQueue[tuple[int, Trial]] = SimpleQueue()
    for numbered in enumerate(trials):
        queue.put(numbered)
    done: dict[int, Tried] = {}
    stop = threading.Event()
    open_lanes: list[Lane] = []
    run_id = new_run_id()
    estimate = _Estimate(trials, min(lanes, len(trials)))

    def work(number: int) -> None:
        lane = Lane(plan, Path(tempfile.mkdtemp(prefix=f"assay-selftest-{number}-")), run_id)
        open_lanes.append(lane)
        try:
            while not stop.is_set():
                try:
                    position, trial = queue.get_nowait()
                except Empty:
                    return
                listen(Progress(part=trial.id, state="starting"))
                tried = _attempted(lane, trial)
                if stop.is_set():
                    return
                done[position] = tried
                heard(tried)
                listen(_told(done[position], estimate.after(done[position])))
        finally:
            lane.close()

    pool = ThreadPoolExecutor(min(lanes, len(trials)) or 1, thread_name_prefix="lane")
    attempts = [pool.submit(work, number) for number in range(min(lanes, len(trials)))]
    try:
        for attempt in attempts:
            while not attempt.done():
                time.sleep(0.1)
                _interrupt([lane for lane in open_lanes if lane.busy_s > _PATIENCE_S])
            attempt.result()
    finally:
        with uninterrupted():
            stop.set()
            while wait(attempts, timeout=0.2).not_done:  # a landscape that was still starting is ended when it is up
                _interrupt(open_lanes)
            pool.shutdown()
    return [done[position] for position in sorted(done)]


def _interrupt(lanes: Sequence[Lane]) -> None:
    for lane in lanes:
        lane.interrupt()


class _Estimate:
    """How long the rest will take, by what trials of the same kind took so far. Safe for threads."""

    def __init__(self, trials: Sequence[Trial], lanes: int) -> None:
        self._left = Counter(trial.kind for trial in trials)
        self._all, self._lanes = len(trials), lanes
        self._took: dict[str, list[float]] = {}
        self._lock = threading.Lock()

    def after(self, tried: Tried) -> str:
        """Count one as done and say how many are, and how long the others will take."""
        with self._lock:
            self._took.setdefault(tried.trial.kind, []).append(tried.seconds)
            self._left[tried.trial.kind] -= 1
            over = sum(len(each) for each in self._took.values())
            mean = sum(sum(each) for each in self._took.values()) / over
            seconds = sum(
                count * (sum(took) / len(took) if (took := self._took.get(kind)) else mean)
                for kind, count in self._left.items()
            )
            left = seconds / self._lanes
            return f"{over}/{self._all}" + (f", {_span(left)} left" if left else "")


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def exit_code_of(tried: Sequence[Tried]) -> int:
    """Return 0 where every defect was caught and nothing else gave an alarm; 3 before 1; 5 where nothing was tried."""
    if not tried:
        return NOTHING_RAN
    codes = {code for each in tried for code in _codes(each)}
    return next((code for code in (4, 2, 3, 1, NOTHING_RAN) if code in codes), 0)


def is_caught(tried: Tried) -> bool:
    """Whether a finding or a failed step showed it; trouble of the landscape shows nothing."""
    return bool(oracles_of(tried))


def is_as_declared(tried: Tried) -> bool:
    """Whether one of the oracles found it that its file names; any will do where it names none."""
    found = oracles_of(tried)
    return bool(found) and (not tried.trial.caught_by or not set(found).isdisjoint(tried.trial.caught_by))


def oracles_of(tried: Tried) -> list[str]:
    """Return the oracles that were red, and ``step`` where a step of the flow failed."""
    found = {finding.oracle for outcome in tried.verdict.outcomes for finding in violations(outcome)}
    steps = [STEP] if any(_broken_steps(outcome) for outcome in tried.verdict.outcomes) else []
    return sorted(found) + steps


def sentences_of(tried: Tried) -> list[str]:
    """Return what a user reads, findings before failed steps, each once."""
    findings = [finding for outcome in tried.verdict.outcomes for finding in violations(outcome)]
    # Who must find it speaks first.
    findings.sort(key=lambda finding: (finding.oracle not in tried.trial.caught_by, _telling(finding)))
    steps = [sentence for outcome in tried.verdict.outcomes for sentence in _broken_steps(outcome)]
    return list(dict.fromkeys([finding.sentence() for finding in findings] + steps))


def as_json(
    tried: Sequence[Tried], waiting: Sequence[Trial] = (), *, seconds: float = 0.0, interrupted: bool = False
) -> dict[str, Any]:
    """Return the content of the JSON file; see the top of this module."""
    by_kind: dict[str, list[Tried]] = {"healthy": [], "defect": [], "innocent": []}
    for each in tried:
        by_kind[each.trial.kind].append(each)
    quiet = by_kind["healthy"] + by_kind["innocent"]
    content: dict[str, Any] = {
        "version": VERSION,
        "command": "selftest",
        "exit_code": INTERRUPTED if interrupted else exit_code_of(tried),
        "seconds": round(seconds, 1),
        "counts": {
            "defects": len(by_kind["defect"]),
            "caught": sum(is_as_declared(each) for each in by_kind["defect"]),
            "otherwise": sum(is_caught(each) and not is_as_declared(each) for each in by_kind["defect"]),
            "missed": sum(not is_caught(each) for each in by_kind["defect"]),
            "waiting": len(waiting),
            "innocent": len(by_kind["innocent"]),
            "alarms": sum(bool(sentences_of(each)) for each in quiet),
        },
        "defects": {each.trial.id: _defect(each) for each in by_kind["defect"]},
        "innocent": {each.trial.id: _quiet(each) for each in by_kind["innocent"]},
        "waiting": {each.id: {"meaning": each.meaning, "waits_for": each.waits_for} for each in waiting},
    }
    for each in by_kind["healthy"]:
        content["healthy"] = _quiet(each)
    return content


def summary(content: Mapping[str, Any]) -> str:
    """Return the counts of the JSON content in one line."""
    counts = content["counts"]
    text = f"{counts['caught']} of {counts['defects']} defects caught"
    for name, words in (("otherwise", "by another oracle than declared"), ("missed", "missed"), ("waiting", "waiting")):
        text += f", {counts[name]} {words}" if counts[name] else ""
    shop = " and the healthy shop" if "healthy" in content else ""
    return f"{text}; {counts['alarms']} false alarms over {counts['innocent']} innocent variations{shop}"


def as_markdown(content: Mapping[str, Any]) -> str:
    """Return the detection matrix and the sentences of the JSON content as Markdown."""
    lines = ["# Self-test", "", f"{summary(content)}; {_span(content['seconds'])}.", ""]
    quiet = {**({"healthy": content["healthy"]} if "healthy" in content else {}), **content["innocent"]}
    if quiet:
        lines += ["## What must stay silent", "", "| variation | verdicts | alarms |", "|---|---|---|"]
        for id, each in quiet.items():
            told = "; ".join(each["alarms"] + each["trouble"]) or "none"
            lines.append(f"| {id}: {_cell(each['meaning'])} | {each['evaluated']} | {_cell(told)} |")
        lines.append("")
    if content["defects"]:
        lines += [*_matrix(content["defects"]), ""]
    if content["waiting"]:
        lines += ["## What waits", "", "Nothing can show these yet: not tried, not counted.", ""]
        lines += ["| defect | waits for |", "|---|---|"]
        for id, each in content["waiting"].items():
            lines.append(f"| {id}: {_cell(each['meaning'])} | {_cell(each['waits_for'])} |")
        lines.append("")
    return "\n".join(lines)


def write(plan: Plan, content: Mapping[str, Any], json_path: Path | None) -> list[Path]:
    """Write the matrix into the project's reports (and where --json says) and return the files."""
    folder = plan.profile.folder / OUT
    paths = [folder / MATRIX, folder / "selftest.md", *([json_path] if json_path else [])]
    for path in paths:
        if path.suffix == ".md":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(as_markdown(content), encoding="utf-8", errors="replace")
        else:
            write_json(path, content)
    return paths


def _attempted(lane: Lane, trial: Trial) -> Tried:
    began = time.perf_counter()
    try:
        return lane.attempt(trial)
    except AssayError as error:
        return Tried(trial, Verdict(trouble=[Trouble.of(error)]), time.perf_counter() - began, 0.0)


def _told(tried: Tried, how_far: str) -> Progress:
    sentences = sentences_of(tried) + list(tried.verdict.sentences())
    if tried.trial.kind == "defect":
        good, word = is_as_declared(tried), _word(is_caught(tried), is_as_declared(tried))
    else:
        good, word = not sentences, "ALARM" if sentences else "silent"
    told = one_line(sentences[0])[:140] if sentences else ""
    detail = f"{word} {tried.seconds:.1f} s ({how_far})  {told}".rstrip()
    return Progress(part=tried.trial.id, state="ready" if good else "failed", detail=detail)


def _word(caught: bool, as_declared: bool) -> str:
    return "caught" if as_declared else "caught by ANOTHER oracle" if caught else "MISSED"


def _codes(tried: Tried) -> set[int]:
    trouble = {each.code for each in tried.verdict.trouble}
    if tried.trial.kind == "defect":
        return set() if is_as_declared(tried) else trouble or {1}
    return trouble | ({tried.verdict.exit_code} - {0})


def _defect(tried: Tried) -> dict[str, Any]:
    sentences = sentences_of(tried)
    return {
        "meaning": tried.trial.meaning,
        "caught": is_caught(tried),
        "as_declared": is_as_declared(tried),
        "declared": list(tried.trial.caught_by),
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
    oracles = sorted({oracle for each in defects.values() for oracle in (*each["oracles"], *each["declared"])})
    lines = [
        "## Detection matrix",
        "",
        "**x** found it, as its file says one of these must; x found it as well; o ought to have, and did not.",
        "",
        f"| defect | caught | {' | '.join(oracles)} |",
        "|---" * (len(oracles) + 2) + "|",
    ]
    for id, each in defects.items():
        marks = " | ".join(_mark(oracle, each) for oracle in oracles)
        caught = "yes" if each["as_declared"] else "by another oracle" if each["caught"] else "**missed**"
        lines.append(f"| {id} | {caught} | {marks} |")
    lines += ["", "## What the user is told", ""]
    for id, each in defects.items():
        told = each["sentence"] or "; ".join(each["trouble"]) or "nothing"
        lines.append(f"- **{id}** {_cell(each['meaning'])} Told: {_cell(told)}")
    return lines


def _mark(oracle: str, defect: Mapping[str, Any]) -> str:
    if oracle in defect["oracles"]:
        return "**x**" if oracle in defect["declared"] else "x"
    return "o" if oracle in defect["declared"] else ""


def _telling(finding: Finding) -> tuple[bool, bool]:
    """Order findings by what they tell: with a known cause and money first."""
    return (not finding.cause or UNKNOWN in finding.cause, finding.at_risk is None)


def _broken_steps(outcome: Outcome) -> list[str]:
    broken = [
        (step.name, (step.error or "").partition("\n")[0]) for step in outcome.steps if step.error and step.code < 2
    ]
    return [f"{outcome.flow}[{outcome.case}] step '{name}' failed: {one_line(error)}" for name, error in broken]


def _cell(text: str) -> str:
    return one_line(text).replace("|", "\\|")
