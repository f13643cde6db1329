"""How `assay drift records` compares a second time: by what changed since its last verdict, and what it tells then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from assay.cli.drift.declared import key_text, rows_of
from assay.errors import InfrastructureError

if TYPE_CHECKING:
    from assay.cli.drift.declared import Pairs
    from assay.drift.pairs.model import Pair
    from assay.drift.pairs.reconciling import Reconciled

Command = TypeVar("Command", bound=Callable[..., Any])


def again_options(command: Command) -> Command:
    """Add the options to a command."""
    for name, text in (
        ("--confirm", "Tell what differs once its time is over and a second read of those keys finds it again."),
        ("--sweep", "Like --incremental, but read all rows for what changed, whatever they say of it."),
        ("--incremental", "Compare what changed since the last such run; the answer is that of comparing everything."),
    ):
        command = click.option(name, is_flag=True, help=text)(command)
    return command


def ways(project: Pairs, pair: Pair, *, incremental: bool, sweep: bool, confirm: bool) -> dict[str, Any]:
    """Return what `reconcile` is told of these options; what is kept lies in the project's home, by environment."""
    from assay.drift.pairs.pending import FirstSeen
    from assay.drift.pairs.reconciling import Again, Second
    from assay.drift.pairs.remembered import Memory

    folder = kept_in(project)
    return {
        "again": Again(Memory(folder), sweep=sweep) if incremental or sweep else None,
        "second": Second(lambda: rows_of(pair, project, anew=True), FirstSeen(folder)) if confirm else None,
    }


def kept_in(project: Pairs) -> Path:
    """Return the folder in which comparisons of an environment are kept."""
    return project.folder / ".assay" / "drift" / project.environment


def keep_trend(project: Pairs, found: Reconciled, at: datetime) -> None:
    """Write down what a comparison came to; a folder that cannot be written is told, and fails nothing."""
    from assay.drift.pairs.trend import Trend

    try:
        Trend(kept_in(project)).add(found, at)
    except InfrastructureError as error:
        click.echo(str(error), err=True)


def show_pass(found: Reconciled) -> None:
    """Print what an incremental pass skipped and why it may, and which differences are not told as yet."""
    from assay.reporting.text import plural
    from assay.span import span_text

    if found.done is not None:
        done = found.done
        if done.of and done.looked < done.of:
            counts = found.outcome.counts
            rest = counts.left - done.rows[0], counts.right - done.rows[1]
            click.echo(
                f"  compared again: {done.looked:,} of {plural(done.of, 'partition')}, {done.rows[0]:,} and "
                f"{done.rows[1]:,} records; the other {rest[0]:,} and {rest[1]:,} are as they were when they were "
                f"compared ({done.why})"
            )
        else:
            click.echo(f"  all was compared: {done.why}")
    if found.confirmed is not None:
        confirmed = found.confirmed
        if confirmed.settled:
            click.echo(f"  gone when read again: {plural(confirmed.settled, 'record')}, of which nothing is said")
        if confirmed.pending:
            keys = ", ".join(key_text(each.key) for each in confirmed.pending[:3])
            more = ", …" if len(confirmed.pending) > 3 else ""
            took = f"; 99 of 100 records take up to {span_text(confirmed.lag.total_seconds())}" if confirmed.lag else ""
            click.echo(
                f"  pending, told when the time of each is over: {plural(len(confirmed.pending), 'record')}{took}"
            )
            click.echo(f"    {keys}{more}")


def pass_record(found: Reconciled) -> dict[str, Any]:
    """Return the same for JSON; null for what was not asked for."""
    done, confirmed = found.done, found.confirmed
    return {
        "pass": done
        and {
            "way": done.way.name.lower(),
            "why": done.why,
            "partitions": done.of,
            "compared_partitions": done.looked,
            "compared_records": list(done.rows),
        },
        "confirmed": confirmed
        and {
            "pending": [{"key": list(each.key), "class": each.classed.value} for each in confirmed.pending],
            "settled": confirmed.settled,
            "lag_s": confirmed.lag.total_seconds() if confirmed.lag is not None else None,
        },
    }
