"""Contracts in JUnit XML: a testsuite a system, a testcase an operation and way in which it was looked at."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from assay.reporting.contracts import EXCUSED, Held, held_of, open_of
from assay.reporting.run_record import RunRecord
from assay.reporting.text import printable

_MOST = 50


def contract_suites(root: ET.Element, run: RunRecord) -> list[ET.Element]:
    """Add the suites of a run's contracts and return them; none where nothing was held against a document.

    A testcase fails by what breaks the document; known failures and information go to its output. A system that was
    not looked at, or of which something stayed undecided, is a skipped testcase: never green.
    """
    if run.contracts is None:
        return []
    held = held_of(run.contracts)
    told = [each for each in open_of(run.contracts) if each[1] != EXCUSED]
    names = sorted({*(each.system for each in held), *(system for system, *_ in told)})
    return [
        _suite(
            root,
            name,
            [each for each in held if each.system == name],
            [(kind, reason) for system, kind, reason in told if system == name],
        )
        for name in names
    ]


def _suite(root: ET.Element, system: str, held: list[Held], reasons: list[tuple[str, str]]) -> ET.Element:
    name = printable(f"contracts {system}")
    suite = ET.SubElement(
        root,
        "testsuite",
        name=name,
        tests=str(len(held) + len(reasons)),
        failures=str(sum(each.state == "fail" for each in held)),
        errors="0",
        skipped=str(len(reasons)),
        time="0.000",
    )
    for each in held:
        _case(suite, name, each)
    for kind, reason in reasons:
        case = ET.SubElement(suite, "testcase", classname=name, name=kind, time="0.000")
        ET.SubElement(case, "skipped", message=printable(reason))
    return suite


def _case(suite: ET.Element, classname: str, held: Held) -> None:
    name = printable(f"{held.operation} ({held.way})")
    case = ET.SubElement(suite, "testcase", classname=classname, name=name, time="0.000")
    broken = [each for each in held.departures if each.is_violation]
    if broken:
        more = f" (and {len(broken) - 1:,} more)" if len(broken) > 1 else ""
        kinds = " ".join(dict.fromkeys(each.problem.replace(" ", "-") for each in broken))
        message = printable(broken[0].sentence() + more)
        failure = ET.SubElement(case, "failure", message=message, type=printable(kinds))
        blocks = [f"{each.sentence()}\n  {each.example}".rstrip() for each in broken[:_MOST]]
        failure.text = printable("\n\n".join(blocks))
    rest = [each.sentence() for each in held.departures if not each.is_violation]
    ET.SubElement(case, "system-out").text = printable("\n".join([held.done, *rest[:_MOST]]))
