"""What `assay monitor` prints: what it is at the start, then a line for each run, with the reason where it is red."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from assay.cli.shared import in_colour
from assay.events import Probe, ProbeResult, Result
from assay.masking import mask_text
from assay.monitor import look_again
from assay.profile import VIEWS

if TYPE_CHECKING:
    from assay.local.plan import Plan
    from assay.monitor import Monitor
    from assay.runners.scheduler.assembly import Watch

_COLOURS = {ProbeResult.PASSED: "green", ProbeResult.FAILED: "red", ProbeResult.STUCK: "red"}
_MOST_SENTENCES, _MOST_LETTERS = 5, 2_000


def say(sentence: str) -> None:
    """Print what the process has to say of itself, with the time, where errors go."""
    first, _, rest = mask_text(sentence).partition("\n")
    with contextlib.suppress(OSError):  # a full disk or a closed terminal is no reason to watch nothing
        click.echo(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}  assay: {first}" + (f"\n{rest}" if rest else ""), err=True)


class Lines:
    """A listener that prints a line a run, and below a red one why it is and what to do."""

    def __init__(self, plan: Plan, monitors: Mapping[str, Monitor]) -> None:
        self._plan = plan
        self._wide = max([len(name) for name in monitors] + [len("assay_configuration")])

    def __call__(self, event: object) -> None:
        """Print one run; other events are passed over."""
        if not isinstance(event, Probe):
            return
        word = in_colour(f"{event.result.value:<8}", _COLOURS.get(event.result, "yellow"), sys.stdout)
        lines = [f"{event.started_at:%Y-%m-%d %H:%M:%S}  {event.monitor:<{self._wide}}  {word}  {event.seconds:6.1f} s"]
        if event.result is not ProbeResult.PASSED:
            lines += [f"    {line}" for sentence in _why(event) for line in mask_text(_cut(sentence)).splitlines()]
            lines += [f"    do: {self._do(event)}"]
        click.echo("\n".join(lines))

    def banner(self, watch: Watch, here: Mapping[str, Monitor]) -> str:
        """Return what the process is: environment, view, monitors, store, routes, status page, kill switch."""
        plan, profile = self._plan, self._plan.profile
        elsewhere = len(watch.service.monitors()) - len(here)
        routes = ", ".join(sorted(profile.alerts.routes)) or "no route is declared ([alerts.routes] in assay.toml)"
        facts = [
            ("environment", f"{plan.name}, {VIEWS[plan.environment.view]}"),
            ("location", watch.service.location),
            ("monitors", f"{len(here)}" + (f", {elsewhere} more not run here" if elsewhere else "")),
            ("store", watch.store),
            ("alerts", routes),
            ("status page", watch.address or "not served"),
            ("kill switch", watch.kill_switch),
            ("next due", _next(watch.service.next_due())),
            ("process", f"{os.getpid()}; Ctrl-C or SIGTERM ends it when what runs is over or taken back"),
        ]
        return "\n".join(f"{label:<14}{text}" for label, text in facts)

    def _do(self, event: Probe) -> str:
        bad = [finding for finding in event.all_findings if finding.result is Result.FAIL]
        ref = next((each.order_ref for each in bad if each.order_ref and " " not in each.order_ref), "")
        ref = ref or next(iter(event.order_refs), "")
        look = look_again(event.monitor, self._plan.name)
        return f"assay explain {ref} --env {self._plan.name}" if ref and bad else look


def _next(due: Mapping[str, datetime]) -> str:
    name = min(due, key=due.__getitem__)
    return f"{name} at {due[name]:%Y-%m-%d %H:%M:%S} UTC"


def _cut(text: str) -> str:
    """Return a text short enough for a log: somebody's error may hold a whole answer."""
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}… (cut; {len(text):,} characters in all)"


def _why(probe: Probe) -> list[str]:
    said = [each.sentence() for each in probe.all_findings if each.result is Result.FAIL]
    said += [f"step '{step.name}' failed: {step.error}" for step in probe.all_steps if step.error]
    said += probe.trouble
    if not said and probe.unreachable:
        said = [f"{', '.join(probe.unreachable)} did not answer"]
    more = len(said) - _MOST_SENTENCES
    return said[:_MOST_SENTENCES] + ([f"and {more} more"] if more > 0 else [])
