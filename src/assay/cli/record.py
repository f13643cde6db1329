"""`assay record`: a sandbox's traffic as stubs."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from assay.cli.shared import explained, in_colour, landscape_options, plan_for
from assay.errors import UsageError, did_you_mean


@click.command()
@click.argument("system")
@landscape_options
@click.option("--for", "span", metavar="SPAN", help="Record for this while, such as 60s; or give a command.")
@click.option("--afresh", is_flag=True, help="Remove what was recorded of the system before.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@explained
def record(
    system: str, environment: str, profile_path: Path | None, span: str | None, afresh: bool, command: tuple[str, ...]
) -> None:
    """Turn what the platform sends to a SYSTEM in mode sandbox, and its answers, into stubs of your project.

    Give a COMMAND after -- that makes the platform call, or --for. Secrets, card numbers and personal data are masked;
    the stubs lie in mocks/SYSTEM/recorded, and mode "recorded" answers from them. Exit 1 when a call held a card
    number (it is not recorded), 5 when there was nothing to record.
    """
    from assay.cli.clock import parse_span
    from assay.local.proxy import ensure_truststore, variables, way_in
    from assay.local.recording import record as turned
    from assay.local.recording import write
    from assay.local.traffic import calls_of, must_journal
    from assay.local.watched import run_watched

    plan = plan_for(environment, profile_path)
    known = {name: each for name, each in plan.environment.systems.items() if each.role != "shop"}
    if system not in known:
        raise UsageError(f"no system '{system}' in environment '{environment}'", hint=did_you_mean(system, known))
    declared = known[system]
    if declared.mode != "sandbox":
        raise UsageError(
            f"only a sandbox is recorded, and '{system}' is {declared.mode} in '{environment}'",
            where=f"environments.{environment}.systems.{system}",
            hint=f'{system} = {{ mode = "sandbox", base_url = "https://…" }}, then assay up',
        )
    must_journal(plan)
    if bool(command) == bool(span):
        raise UsageError("give a command after --, or --for 60s for a platform that runs already")
    since = datetime.now(UTC)
    if command:
        way = way_in(plan) if plan.environment.view == "forward_proxy" else None
        if way is not None:
            ensure_truststore(way)
        ended = run_watched(command, variables(way) if way else {})
        click.echo(f"the command ended with {ended.exit_code}", err=True)
    else:
        time.sleep(parse_span(span or "").total_seconds())
    made = turned(calls_of(plan, system, since), system=system, host=declared.host, origin=declared.base_url)
    folder = plan.profile.folder / "mocks" / system / "recorded"
    if made.stubs and afresh:
        for file in folder.glob("*.json"):
            file.unlink()
    write(made, folder)
    for name in made.stubs:
        click.echo(f"recorded      {folder / name}.json")
    for sentence in made.left_out:
        click.echo(f"left out      {sentence}")
    for place in made.cards:
        refused = in_colour("refused       ", "red", sys.stdout)
        click.echo(f"{refused}{place}: a card number was sent; the platform must send a token, and then record again")
    click.echo(f'{len(made.stubs)} stubs; {system} = "recorded" in an environment of assay.toml answers from them')
    if made.cards or not made.stubs:
        sys.exit(1 if made.cards else 5)
