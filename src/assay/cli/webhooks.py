"""`assay webhooks`: a vendor's events for a platform that the vendor cannot reach."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.shared import explained, in_colour, landscape_options, plan_for

if TYPE_CHECKING:
    from assay.local.webhooks import Sent

_to = click.option("--to", metavar="URL", help="Where your platform takes them; by default what the profile says.")


@click.group()
def webhooks() -> None:
    """Bring a vendor's webhooks to a platform on this machine, freshly signed with the local secret."""


@webhooks.command()
@click.argument("system")
@landscape_options
@click.option("--since", default="1h", show_default=True, metavar="SPAN", help="Events of this last while.")
@_to
@click.option("--save", "file", type=click.Path(path_type=Path), help="Keep the events in a file, for replay.")
@explained
def pull(
    system: str, environment: str, profile_path: Path | None, since: str, to: str | None, file: Path | None
) -> None:
    """Read a vendor's list of events and post each, oldest first, to the platform.

    Exit 1 when the platform did not take one of them, 5 when there was none.
    """
    from assay.cli.clock import parse_span
    from assay.local.webhooks import listed, save, send

    plan = plan_for(environment, profile_path)
    events = listed(plan, system, parse_span(since))
    if file is not None:
        save(events, system, file)
        click.echo(f"kept in {file}")
    _conclude(send(plan, system, events, to=to), f"no event of {system} in the last {since}")


@webhooks.command()
@click.argument("file", type=click.Path(path_type=Path))
@landscape_options
@click.option("--system", help="Whose events these are, where the file does not say it.")
@_to
@explained
def replay(file: Path, environment: str, profile_path: Path | None, system: str | None, to: str | None) -> None:
    """Send the events of a FILE again, each with a fresh signature; see `assay webhooks pull --save`."""
    from assay.local.webhooks import read, send

    plan = plan_for(environment, profile_path)
    vendor, events = read(plan, file, system=system)
    _conclude(send(plan, vendor, events, to=to), f"no event in {file}")


def _conclude(done: list[Sent], nothing: str) -> None:
    for each in done:
        said = str(each.status) if each.status is not None else each.error
        state = in_colour(f"{'taken' if each.taken else 'refused':<10}", None if each.taken else "red", sys.stdout)
        click.echo(f"{state}{each.event.ref:<32}{each.event.kind:<36}{said}")
    if not done:
        click.echo(nothing)
        sys.exit(5)
    taken = sum(each.taken for each in done)
    click.echo(f"{taken} of {len(done)} taken")
    if taken < len(done):
        sys.exit(1)
