"""Both sides of a pair, opened as it declares them; what is wrong of a source is said with its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assay.drift.pairs.model import Pair, Side
from assay.drift.pairs.rows import Rows
from assay.drift.pairs.sources import rows_of
from assay.drift.pairs.sources.options import ListingOptions, options_of
from assay.errors import UsageError
from assay.span import span_text

if TYPE_CHECKING:
    from assay.drift.extracting import Systems


def sides_of(pair: Pair, *, folder: Path, systems: Callable[[], Systems], anew: bool = False) -> tuple[Rows, Rows]:
    """Return the left's and the right's rows; `UsageError` names the side whose source is wrong.

    folder: where relative paths start. systems: asked for where a side is a listing. anew: a listing is asked again,
    however young what was read last is. Two sides that are read from the same listing are read once: of one moment.
    """
    found: list[Rows] = []
    for name, side in (("left", pair.left), ("right", pair.right)):
        try:
            lent = systems() if side.source["kind"] == "listing" else None
            _refuse_late(pair, side)
            if lent and found and (side.system, side.source) == (pair.left.system, pair.left.source):
                found.append(found[0])
                continue
            found.append(
                rows_of(
                    side,
                    folder=_start_of(pair, side, folder),
                    systems=replace(lent, anew=True) if lent and anew else lent,
                )
            )
        except UsageError as error:
            error.where = error.where or place_of(pair, name)
            raise
    return found[0], found[1]


def _start_of(pair: Pair, side: Side, folder: Path) -> Path:
    """Return where a side's relative path starts: at the project, else, for want of such a file, beside the pair.

    A shipped pair may name a file that comes with it, and a project puts its own in its place.
    """
    named, own = side.source.get("path"), Path(pair.declared_in).parent.parent.parent
    if not isinstance(named, str) or "://" in named or (folder / named).exists():
        return folder
    return own if pair.declared_in and (own / named).is_file() else folder


def place_of(pair: Pair, side: str) -> str:
    """Return where a side's source is declared."""
    return f"{pair.declared_in}: pairs.{pair.name}.{side}.source"


def _refuse_late(pair: Pair, side: Side) -> None:
    """Refuse a side whose youngest part is left out for longer than a record may take to get there."""
    options = options_of(side.source)
    if isinstance(options, ListingOptions) and (options.behind or 0) > pair.grace.total_seconds():
        raise UsageError(
            f"of {side.system} the youngest part is left out, and the other side's would be called missing there",
            expected=f"grace of at least {span_text(options.behind or 0)}, as behind says",
            seen=f"grace of {span_text(pair.grace.total_seconds())}" if pair.grace else "no grace",
        )
