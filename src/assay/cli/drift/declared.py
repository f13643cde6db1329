"""What the commands of `assay drift` share: the pairs of a project, and how records are printed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.shared import find
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.drift.pairs.model import Pair
    from assay.drift.pairs.reading import Declared
    from assay.drift.pairs.rows import Rows

at_option = click.option(
    "--at",
    "instant",
    metavar="INSTANT",
    help="As of then, such as 2026-12-24T18:00Z; windows end there. [default: now]",
)


rates_option = click.option(
    "--rates",
    "rates_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="CSV of published rates (date,from,to,rate): tells another day's rate, and the base currency's worth.",
)


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs of a project, the folder relative paths start in, and the shop's base currency where it names one."""

    declared: Declared
    folder: Path
    base_currency: str | None


def declared_pairs(profile_path: Path | None) -> Pairs:
    """Return the pairs of a project, the shipped ones behind its own."""
    from assay.drift.pairs.reading import pair_files, read_pairs
    from assay.suites import suite_roots

    profile, project = find(profile_path)
    own = profile.policies.rounding
    files = pair_files(suite_roots(profile.folder))
    declared = read_pairs(files, rounding=own.policy() if own else None)
    return Pairs(declared, project, profile.policies.base_currency)


def instant_of(text: str | None) -> datetime:
    """Return the instant that was asked for, or now."""
    from assay.cli.clock import parse_instant

    return datetime.now(UTC) if text is None else parse_instant(text)


def check_sources(pair: Pair) -> None:
    """Refuse a source that is declared wrongly, without reading anything of it."""
    from assay.drift.pairs.sources.options import options_of

    for name, side in (("left", pair.left), ("right", pair.right)):
        try:
            options_of(side.source)
        except UsageError as error:
            error.where = error.where or _place(pair, name)
            raise


def rows_of(pair: Pair, folder: Path) -> tuple[Rows, Rows]:
    """Return both sides' rows; `UsageError` names the side whose source is wrong."""
    from assay.drift.pairs.sources import rows_of as opened

    found = []
    for name, side in (("left", pair.left), ("right", pair.right)):
        try:
            found.append(opened(side, folder=folder))
        except UsageError as error:
            error.where = error.where or _place(pair, name)
            raise
    return found[0], found[1]


def _place(pair: Pair, side: str) -> str:
    return f"{pair.declared_in}: pairs.{pair.name}.{side}.source"


def shown(value: Any) -> str:
    """Return a value on one line, fit to print: a record's text is other people's."""
    from assay.reporting.text import clip, one_line

    if value is None:
        return "-"
    return one_line(clip(value if isinstance(value, str) else f"{value}", 200)) or "''"


def key_text(key: tuple[str, ...]) -> str:
    """Return a key for people: its columns' values, one after the other."""
    return " ".join(map(shown, key))
