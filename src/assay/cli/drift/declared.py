"""What the commands of `assay drift` share: the pairs of a project, and how records are printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.shared import find
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.drift.extracting import Systems
    from assay.drift.pairs.model import Difference, Pair
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


@dataclass(frozen=True)
class Pairs:
    """The pairs of a project, the folder relative paths start in, and the shop's base currency where it names one.

    environment: whose systems are asked where a side is a listing.
    """

    declared: Declared
    folder: Path
    base_currency: str | None
    environment: str
    profile_path: Path | None

    @cached_property
    def systems(self) -> Systems:
        """What reads the listings of the environment; asked for where there is one, for files need no environment."""
        from assay.cli.drift.systems import systems_of

        return systems_of(self.environment, self.profile_path)

    def instant(self, text: str | None, pairs: Sequence[Pair]) -> datetime:
        """Return the instant that was asked for, or now: by the landscape's clock where its listings are read."""
        from assay.cli.clock import parse_instant

        if text is not None:
            return parse_instant(text)
        listed = any(side.source["kind"] == "listing" for pair in pairs for side in (pair.left, pair.right))
        return self.systems.now() if listed else datetime.now(UTC)


def declared_pairs(profile_path: Path | None, environment: str = "local") -> Pairs:
    """Return the pairs of a project, the shipped ones behind its own."""
    from assay.drift.pairs.declared import pairs_of
    from assay.suites import suite_roots

    profile, project = find(profile_path)
    declared = pairs_of(suite_roots(profile.folder), profile)
    return Pairs(declared, project, profile.policies.base_currency, environment, profile_path)


def check_sources(pair: Pair) -> None:
    """Refuse a source that is declared wrongly, without reading anything of it."""
    from assay.drift.pairs.opening import place_of
    from assay.drift.pairs.sources.options import options_of

    for name, side in (("left", pair.left), ("right", pair.right)):
        try:
            options_of(side.source)
        except UsageError as error:
            error.where = error.where or place_of(pair, name)
            raise


def rows_of(pair: Pair, project: Pairs, *, anew: bool = False) -> tuple[Rows, Rows]:
    """Return both sides' rows; `UsageError` names the side whose source is wrong. anew: listings are read again."""
    from assay.drift.pairs.opening import sides_of

    return sides_of(pair, folder=project.folder, systems=lambda: project.systems, anew=anew)


def shown(value: Any) -> str:
    """Return a value on one line, fit to print: a record's text is other people's."""
    from assay.reporting.text import clip, one_line

    if value is None:
        return "-"
    return one_line(clip(value if isinstance(value, str) else f"{value}", 200)) or "''"


def dates_of(pair: Pair, difference: Difference) -> str:
    """Return when each side's record is from, and when it last changed; empty where no side says."""
    from assay.reporting.text import instant

    told = []
    for side, placed, changed in (
        (pair.left, difference.left_placed, difference.left_at),
        (pair.right, difference.right_placed, difference.right_at),
    ):
        words = [f"{word} {instant(at)}" for word, at in (("placed", placed), ("changed", changed)) if at is not None]
        if words:
            told.append(f"{side.system} {', '.join(words)}")
    return "; ".join(told)


def key_text(key: tuple[str, ...]) -> str:
    """Return a key for people: its columns' values, one after the other."""
    return " ".join(map(shown, key))
