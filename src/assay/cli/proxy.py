"""`assay proxy`: how a platform reaches the edge, and whether it does."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from assay.cli.shared import explained, in_colour, landscape_options, plan_for
from assay.errors import UsageError, did_you_mean

_RUNTIMES = ("shell", "docker", "compose", "java", "node", "php", "dotnet", "go", "ruby", "python")


@click.group()
def proxy() -> None:
    """Send a platform's calls through the edge, and check that they go there."""


@proxy.command()
@landscape_options
@click.option("--for", "runtime", type=click.Choice(_RUNTIMES), default="shell", show_default=True, help="Runtime.")
@explained
def env(environment: str, profile_path: Path | None, runtime: str) -> None:
    """Print the exact settings of a runtime for proxy and CA, ready to paste."""
    from assay.local.proxy import settings_for, way_in

    click.echo(settings_for(runtime, way_in(plan_for(environment, profile_path))))


@proxy.command()
@landscape_options
@click.option("--only", multiple=True, metavar="HOST", help="Only this host must be seen; again for several.")
@click.option("--watch", "watch_s", type=click.FloatRange(min=0), metavar="SECONDS", help="Watch, and run no command.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@explained
def check(
    environment: str, profile_path: Path | None, only: tuple[str, ...], watch_s: float | None, command: tuple[str, ...]
) -> None:
    """Run a COMMAND (after --) with the edge's settings, and say which vendors' hosts came through.

    Exit 1 when a declared host was not seen in the journal, or its call went round the edge.
    """
    from assay.local.proxy import ensure_truststore, variables, way_in
    from assay.local.traffic import hosts, must_journal
    from assay.local.watched import Watched, run_watched

    plan = plan_for(environment, profile_path)
    must_journal(plan)
    if bool(command) == (watch_s is not None):
        raise UsageError("give a command after --, or --watch SECONDS for a platform that runs already")
    declared = {host.lower() for system in plan.environment.systems.values() for host in system.all_hosts}
    for name in only:
        if name.lower() not in declared:
            raise UsageError(f"no system declares the host '{name}'", hint=did_you_mean(name, declared))
    since = datetime.now(UTC)
    seen = Watched(0)
    if command:
        way = way_in(plan) if plan.environment.view == "forward_proxy" else None
        if way is not None:
            ensure_truststore(way)
        seen = run_watched(command, variables(way) if way else {})
        click.echo(f"the command ended with {seen.exit_code}", err=True)
    else:
        time.sleep(watch_s or 0)
    wanted = {name.lower() for name in only} or declared
    missing = []
    for each in hosts(plan, since=since):
        state = "came through" if each.calls > each.refused else "refused" if each.calls else "not seen"
        if each.host in wanted and state == "not seen":
            missing.append(each.host)
        colour = {"came through": "green", "refused": "red"}.get(state, "red" if each.host in wanted else None)
        count = f"{each.calls} calls" if each.calls else ""
        click.echo(f"{in_colour(f'{state:<14}', colour, sys.stdout)}{each.host:<36}{each.system:<14}{count}".rstrip())
    for address, links in seen.around.items():
        click.echo(in_colour(f"{'went round':<14}", "red", sys.stdout) + f"{address:<36}{'':<14}{links} connections")
    if missing:
        more = f", and it was connected to {', '.join(seen.around)} by itself" if seen.around else ""
        click.echo(
            f"assay: {', '.join(missing)} did not come through the edge: the platform did not call there, or went "
            f"round it{more}; see `assay proxy env --for RUNTIME`",
            err=True,
        )
        sys.exit(1)
