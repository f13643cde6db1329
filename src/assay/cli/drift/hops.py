"""`--hops`: the systems of an environment are asked where the first differing records went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from assay.errors import AssayError

if TYPE_CHECKING:
    from assay.cli.drift.declared import Pairs
    from assay.drift.pairs.hops import Asks, Hops
    from assay.drift.pairs.model import Pair, Way
    from assay.records import Dossier

hops_option = click.option(
    "--hops",
    "most",
    type=click.IntRange(0, 50),
    default=3,
    show_default=True,
    help="Differing orders of a pair that all systems are asked for: where they went wrong first.",
)


def hops_of(project: Pairs, pairs: Sequence[Pair], most: int) -> Hops | None:
    """Return what asks the environment; None where no pair begins at a listing, for then nobody is asked."""
    if not most or not any(pair.left.source["kind"] == "listing" for pair in pairs):
        return None
    from assay.drift.pairs.hops import Hops

    return Hops(_Environment(project), most=most)


class _Environment:
    """The systems of an environment, opened for the first record, and closed with the command."""

    def __init__(self, project: Pairs) -> None:
        self._project = project
        self._opened: Asks | None = None
        self._wrong: AssayError | None = None

    def __call__(self, order: str) -> Dossier:
        return self._asks(order)

    def hears(self, system: str) -> bool:
        return self._asks.hears(system)

    @property
    def _asks(self) -> Asks:
        if self._wrong is not None:
            raise self._wrong  # an environment that is not up is not tried again for each record
        if self._opened is None:
            try:
                self._opened = _open(self._project)
            except AssayError as error:
                self._wrong = error
                raise
        return self._opened


def _open(project: Pairs) -> Asks:
    from assay.cli.shared import plan_for
    from assay.drift.pairs.hops import dossiers_of
    from assay.local.traffic import let_journal_arrive
    from assay.runners.session import Session

    plan = plan_for(project.environment, project.profile_path)
    context, running = click.get_current_context(), plan.home.read()
    session = context.with_resource(Session(plan, running, runner="drift"))
    heard = let_journal_arrive(plan, running)
    return dossiers_of(context.with_resource(session.gatherer(since=None, heard=heard)), session.now)


def show_way(way: Way | None, indent: str) -> None:
    """Print where a record first went wrong."""
    if way is not None:
        of = f"{way.field}: " if way.field else ""
        click.echo(f"{indent}way: {of}{_shown(way.sentence)}")


def show_hops(way: Way) -> None:
    """Print each station of a record's way."""
    from assay.reporting.text import instant

    click.echo(f"  way{f' of {way.field}' if way.field else ''}: {_shown(way.sentence)}")
    for hop in way.hops:
        at = f"  {instant(hop.at)}" if hop.at else ""
        click.echo(
            f"    {'>' if hop.name == way.first else ' '} {hop.trace.value:<6}  {hop.name}: {_shown(hop.said)}{at}"
        )


def show_troubles(hops: Hops | None) -> None:
    """Tell what kept systems from being asked; nothing of a verdict hangs on it."""
    for trouble in hops.troubles[:3] if hops else ():
        click.echo(f"where records went wrong could not be asked: {_shown(trouble)}", err=True)


def _shown(text: str) -> str:
    from assay.reporting.text import clip, one_line

    return one_line(clip(text, 600))
