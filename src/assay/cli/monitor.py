"""`assay monitor`: run monitors again and again; `assay monitor plan`: say what that will do."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.shared import explained, json_option, landscape_options, plan_for, profile_option
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.events import Probe
    from assay.local.plan import Plan
    from assay.monitor import Monitor
    from assay.runners.scheduler.service import Service

only_option = click.option(
    "--only", "names", multiple=True, metavar="NAME", help="Only this monitor; again for several."
)


@click.group(invoke_without_command=True)
@landscape_options
@only_option
@click.option("--once", is_flag=True, help="Run every monitor once, tell nobody, and end with an exit code.")
@click.option("--location", metavar="NAME", help="Where this process stands; else ASSAY_LOCATION, else the profile.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the status page; the profile's by default.")
@click.option("--no-server", is_flag=True, help="Serve no status page, API or metrics.")
@click.pass_context
def monitor(context: click.Context, /, **given: Any) -> None:
    """Run flows and read-only checks again and again, and tell of each; alerts, metrics and a status page with it.

    Ends on SIGTERM or Ctrl-C when what runs has finished or was taken back; a second one ends it at once. Exit codes:
    0 after SIGTERM, 3 where a run had to be left behind, 130 after Ctrl-C. With --once as `assay run`: 0 all passed,
    1 a verdict was red, 3 one could not be reached, 4 refused for safety, 5 nothing ran.
    """
    if context.invoked_subcommand is None:
        _watch(**given)


@monitor.command()
@click.option("--env", "environment", help="Environment.")
@profile_option
@only_option
@click.option("--location", metavar="NAME", help="Where the process stands; else ASSAY_LOCATION, else the profile.")
@json_option
@click.pass_context
def plan(context: click.Context, /, **given: Any) -> None:
    """Say what the monitors will do: schedule, orders and money an hour, alert rule, routes, runbook; run nothing.

    Exit 4 where they would order or spend more in an hour than the environment's safety budget allows.
    """
    above = context.parent.params if context.parent is not None else {}
    shared: dict[str, Any] = {
        name: given[name] or above.get(name) for name in ("environment", "profile_path", "names", "location")
    }
    _show_plan(**shared, as_json=given["as_json"])


@explained
def _show_plan(
    environment: str, profile_path: Path | None, names: tuple[str, ...], location: str | None, as_json: bool
) -> None:
    from assay.cli.monitor_plan import as_dict, as_text, planned

    plan = plan_for(environment, profile_path)
    found, place = planned(plan, names, location)
    text = as_text(found, environment, place, production=plan.environment.production)
    click.echo(json.dumps(as_dict(found), indent=2) if as_json else text)
    sys.exit(0 if all(line.fits for line in found.budget) else 4)


@explained
def _watch(
    environment: str,
    profile_path: Path | None,
    names: tuple[str, ...],
    once: bool,
    location: str | None,
    port: int | None,
    no_server: bool,
) -> None:
    from assay.cli.monitor_lines import Lines, say
    from assay.runners.campaign import flows_of
    from assay.runners.environment import open_environment
    from assay.runners.scheduler.assembly import Wanted, location_of, open_watch
    from assay.runners.scheduler.declared import chosen_of, monitors_of

    plan = plan_for(environment, profile_path)
    place = location_of(plan, location)
    flows = flows_of(plan)
    monitors = chosen_of(monitors_of(plan, flows), (), plan.name)
    chosen_of(monitors, names, plan.name)
    wanted = Wanted(location=place, names=names, once=once)
    here = {name: each for name, each in monitors.items() if wanted.runs_here(plan, each)}
    if not here:
        raise _nothing(plan, place, monitors)
    if not no_server and not once:
        wanted = replace(wanted, port=plan.profile.monitoring.port if port is None else port)
    lines = Lines(plan, monitors)
    with (
        _signals() as heard,
        open_environment(plan, lambda _: None, runner="monitor") as session,
        open_watch(plan, session, flows, monitors, wanted, listeners=[lines], log=say) as watch,
    ):
        heard.service = watch.service
        if once:
            sys.exit(_code_of(watch.service.run_once(), heard))
        click.echo(lines.banner(watch, here))
        ending = watch.service.run()
    if ending.why == "restart":
        say("this process begins anew, under its own process id")
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 (what was started, once more)
    sys.exit(130 if heard.number == signal.SIGINT else 3 if ending.left else 0)


@dataclass(slots=True)
class _Heard:
    """What signals came: the first asks the service to end, the next ends the process."""

    service: Service | None = None
    number: int | None = None


@contextmanager
def _signals() -> Iterator[_Heard]:
    heard = _Heard()

    def told(number: int, _: object) -> None:
        if heard.number is not None or heard.service is None:
            raise KeyboardInterrupt
        heard.number = number
        heard.service.stop()

    # What is ignored stays so: nohup ignores SIGHUP, a terminal that closes sends it.
    heeded = [
        each for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) != signal.SIG_IGN
    ]
    before = {number: signal.signal(number, told) for number in heeded}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _code_of(probes: Sequence[Probe], heard: _Heard) -> int:
    """Return the exit code of runs: 4 before 3 before 1, and 5 where there were none."""
    if heard.number is not None:
        return 130
    codes = {_CODES[probe.result.value] for probe in probes}
    return next((code for code in (4, 3, 1, 0) if code in codes), 5)


_CODES = {"passed": 0, "failed": 1, "error": 3, "refused": 4, "stuck": 3, "missed": 3}


def _nothing(plan: Plan, place: str, monitors: Mapping[str, Monitor]) -> UsageError:
    if not monitors:
        return UsageError(
            f"no monitor is declared for '{plan.name}'",
            where=str(plan.profile.folder / "monitors"),
            hint="write monitors/NAME.toml with a table [monitors.NAME]; docs/monitoring.md says what stands in it",
        )
    places = sorted({each.location for each in monitors.values() if each.location})
    return UsageError(
        f"none of the monitors chosen runs at location '{place}'",
        seen=f"pinned to {', '.join(places) or 'other locations'}",
        hint="name another place with --location, or take `location` out of them",
    )
