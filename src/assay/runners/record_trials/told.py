"""What a record trial came to, as a table for people and as JSON for programs.

The JSON file, version 1, is one object:

    version    1; a reader refuses a number it does not know, new members do not change it
    command    "selftest --records";  run_id, environment: of the run whose records were tried;  orders: how many
    exit_code  0 the trial ran, 1 records nobody touched give an alarm
    counts     classes (all but those not made), caught, missed, not_evaluated, not_made, defects (ids of the
               catalogue the caught classes stand for), alarms
    alarms     findings over the records as they were, in sentences: mend these first
    classes    each: id, meaning, defects [id, …], verdict ("caught", "missed", "not evaluated" or "not made"),
               made (orders it was made of; 0 where it was not, or where nobody would have seen it anyway), seen
               (orders in which it was caught), oracles [id, …] (red by the change, those named for it first),
               sentence (what the user would read), lacking (why it was not made), passed [oracle, …] (named for it,
               evaluated, and green), not_evaluated [{"oracle", "reason", "remedy"}] (named for it and blind; remedy
               is the line or verb that switches it on, or empty)
    switches   [{"remedy", "oracles": [id, …], "classes": [id, …], "uncaught": [id, …]}]: what would open most eyes
               first; uncaught are the classes nobody sees today
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.local.plan import Plan
from assay.reporting.text import one_line
from assay.runners.record_trials.green_run import Kept
from assay.runners.record_trials.trial import NO_JUDGE, RecordTrial, Tried
from assay.runners.run_log import OUT
from assay.runners.verdict import write_json

VERSION = 1
FILE = "selftest-records"
_WORDS = {"caught": "caught by", "missed": "MISSED", "not evaluated": "not evaluated", "not made": "not made"}


def exit_code_of(trial: RecordTrial) -> int:
    """Return 1 where records nobody touched give an alarm, else 0: the trial ran, whatever it found."""
    return 1 if trial.alarms else 0


def as_json(trial: RecordTrial, kept: Kept) -> dict[str, Any]:
    """Return the content of the JSON file; see the top of this module."""
    verdicts = [each.verdict for each in trial.tried]
    caught = [each for each in trial.tried if each.verdict == "caught"]
    return {
        "version": VERSION,
        "command": "selftest --records",
        "run_id": kept.run_id,
        "environment": kept.record.environment,
        "orders": trial.orders,
        "exit_code": exit_code_of(trial),
        "counts": {
            "classes": len(verdicts) - verdicts.count("not made"),
            "caught": len(caught),
            "missed": verdicts.count("missed"),
            "not_evaluated": verdicts.count("not evaluated"),
            "not_made": verdicts.count("not made"),
            "defects": len({defect for each in caught for defect in each.record_class.defects}),
            "alarms": len(trial.alarms),
        },
        "alarms": list(trial.alarms),
        "classes": [_class(each) for each in trial.tried],
        "switches": switches(trial.tried),
    }


def switches(tried: Sequence[Tried]) -> list[dict[str, Any]]:
    """Return what would open blind eyes, the line or verb that helps most uncaught classes first."""
    found: dict[str, dict[str, Any]] = {}
    for each in tried:
        for blind in each.blind:
            remedy = blind.remedy or blind.reason
            entry = found.setdefault(remedy, {"remedy": remedy, "oracles": [], "classes": [], "uncaught": []})
            _add(entry["oracles"], blind.oracle)
            _add(entry["classes"], each.record_class.id)
            if each.verdict != "caught":
                _add(entry["uncaught"], each.record_class.id)
    # What no line of a profile can change comes last.
    return sorted(
        found.values(),
        key=lambda entry: (
            entry["remedy"] == NO_JUDGE, -len(entry["uncaught"]), -len(entry["classes"]), entry["remedy"],
        ),
    )  # fmt: skip


def as_markdown(content: Mapping[str, Any]) -> str:
    """Return the table as Markdown."""
    lines = [
        "# Self-test over records",
        "",
        f"{summary(content)} Records of run {content['run_id']}, environment {content['environment']}, "
        f"{content['orders']} orders. Nothing was switched in the platform.",
        "",
    ]
    if content["alarms"]:
        lines += ["## Alarms over records as they were", "", *(f"- {_cell(each)}" for each in content["alarms"]), ""]
    lines += ["| class | defects it stands for | verdict | what the user would read |", "|---|---|---|---|"]
    for each in content["classes"]:
        lines.append(
            f"| {_cell(each['id'])}: {_cell(each['meaning'])} | {' '.join(each['defects'])} | {_cell(verdict(each))} | "
            f"{_cell(told(each))} |"
        )
    if content["switches"]:
        lines += ["", "## What opens blind eyes", "", "| line or verb | oracles | classes nobody sees today |"]
        lines.append("|---|---|---|")
        for each in content["switches"]:
            uncaught = ", ".join(each["uncaught"]) or "none: others see them"
            lines.append(f"| {_cell(each['remedy'])} | {' '.join(each['oracles'])} | {_cell(uncaught)} |")
    return "\n".join(lines) + "\n"


def table(content: Mapping[str, Any]) -> list[str]:
    """Return the table for a terminal: one line a class, and below it what the user would read."""
    classes = content["classes"]
    width = max(len(each["id"]) for each in classes) + 2 if classes else 0
    defects = max(len(" ".join(each["defects"])) for each in classes) + 2 if classes else 0
    lines = [f"{'class':<{width}}{'stands for':<{defects}}verdict"]
    for each in classes:
        lines.append(f"{each['id']:<{width}}{' '.join(each['defects']):<{defects}}{verdict(each)}")
        lines.append(f"    {told(each)}")
    if content["switches"]:
        lines += ["", "What opens blind eyes, best first:"]
    for each in content["switches"]:
        seen = f"; nobody sees today: {', '.join(each['uncaught'])}" if each["uncaught"] else ""
        lines.append(f"  {each['remedy']}  ({' '.join(each['oracles'])}{seen})")
    return lines


def verdict(each: Mapping[str, Any]) -> str:
    """Return one class's verdict in few words; how many orders showed it only where that is not all of them."""
    word = _WORDS[each["verdict"]]
    if each["verdict"] == "caught":
        some = f" in {each['seen']} of {each['made']} orders" if each["seen"] < each["made"] else ""
        return f"{word} {' '.join(each['oracles'])}{some}"
    return word


def told(each: Mapping[str, Any]) -> str:
    """Return the sentence for one class: the finding, or why there is none."""
    if each["verdict"] == "caught":
        return one_line(each["sentence"])
    if each["verdict"] == "not made":
        return f"cannot be made of this run's records: {each['lacking']}"
    blind = "; ".join(
        f"{entry['oracle']}: {entry['reason']}" + (f" ({entry['remedy']})" if entry["remedy"] else "")
        for entry in each["not_evaluated"]
    )
    if each["verdict"] == "not evaluated":
        return f"because {blind}"
    green = f"{' '.join(each['passed'])} looked at {each['made']} such orders and saw nothing"
    return f"{green}; blind: {blind}" if blind else green


def summary(content: Mapping[str, Any]) -> str:
    """Return the counts in a sentence."""
    counts = content["counts"]
    return (
        f"{counts['caught']} of {counts['classes']} classes of defects would be caught, standing for "
        f"{counts['defects']} defects of the catalogue; {counts['missed']} missed, {counts['not_evaluated']} not "
        f"evaluated, {counts['not_made']} could not be made; {counts['alarms']} alarms over records as they were."
    )


def write(plan: Plan, content: Mapping[str, Any], json_path: Path | None) -> list[Path]:
    """Write the table into the project's reports (and where --json says) and return the files."""
    folder = plan.profile.folder / OUT
    markdown = folder / f"{FILE}.md"
    for path in (folder / f"{FILE}.json", *([json_path] if json_path else [])):
        write_json(path, content)
    markdown.write_text(as_markdown(content), encoding="utf-8", errors="replace")
    return [markdown, folder / f"{FILE}.json", *([json_path] if json_path else [])]


def _class(tried: Tried) -> dict[str, Any]:
    record_class = tried.record_class
    return {
        "id": record_class.id,
        "meaning": record_class.meaning,
        "defects": list(record_class.defects),
        "verdict": tried.verdict,
        "made": tried.made,
        "seen": tried.seen,
        "oracles": list(tried.oracles),
        "sentence": tried.sentence,
        "lacking": tried.lacking,
        "passed": list(tried.passed),
        "not_evaluated": [
            {"oracle": blind.oracle, "reason": blind.reason, "remedy": blind.remedy} for blind in tried.blind
        ],
    }


def _add(listed: list[str], name: str) -> None:
    if name not in listed:
        listed.append(name)


def _cell(text: str) -> str:
    return one_line(text).replace("|", "\\|")
