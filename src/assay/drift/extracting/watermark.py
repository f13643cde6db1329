"""How far each system was read, and what an extraction needs to go on: kept beside the rows it landed.

Written whole or not at all, after the rows it speaks of: one that is killed in between reads a little twice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

FILE = "_extraction.json"
"""So named that readers of Parquet folders pass it by."""
_FORMAT = 1
Mode = Literal["census", "changes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """One extraction: of what, from when to when, how far it came.

    print: the options and columns it was read with; another one cannot be gone on with. mode: whether all was read, or
    what came since `base`, the folder of an earlier landing. cursor: up to there all is read, an instant or, of
    articles, a number. census: when the last whole read began. newest: the youngest change that was seen. rows: landed
    at the end; read: before what came twice was taken off. reads: how often the system was asked. phase: reading,
    merged or done.
    """

    system: str
    listing: str
    print: str
    mode: Mode
    since: datetime
    until: datetime
    census: datetime
    cursor: str = ""
    base: str | None = None
    newest: datetime | None = None
    parts: int = 0
    rows: int = 0
    read: int = 0
    reads: int = 0
    resumed: int = 0
    faults: tuple[str, ...] = ()
    phase: Literal["reading", "merged", "done"] = "reading"

    def write(self, folder: Path) -> None:
        """Keep it in a landing's folder."""
        content = {"format": _FORMAT, **asdict(self)}
        draft = folder / f"{FILE}.part"
        draft.write_text(json.dumps(content, default=datetime.isoformat, ensure_ascii=False))
        draft.replace(folder / FILE)


def watermark_in(folder: Path) -> Watermark | None:
    """Return what is kept in a landing's folder; None where nothing readable of our form is."""
    try:
        content = json.loads((folder / FILE).read_text())
        if not isinstance(content, dict) or content.pop("format", None) != _FORMAT:
            return None
        return Watermark(**{**_instants(content), "faults": tuple(content["faults"])})
    except (OSError, ValueError, TypeError, LookupError):
        return None


def _instants(content: dict[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(Watermark) if "datetime" in str(each.type)}
    return {
        name: datetime.fromisoformat(value) if name in names and value is not None else value
        for name, value in content.items()
    }


def watermarks(folder: Path) -> Sequence[Watermark]:
    """Return the last whole extraction of every system and listing that was landed below a folder."""
    found: dict[tuple[str, str], Watermark] = {}
    for place in sorted(folder.glob("*/*")):
        mark = watermark_in(place) if not place.name.endswith((".unfinished", ".partial")) else None
        if mark is not None:
            found[mark.system, mark.listing] = mark
    return [found[key] for key in sorted(found)]
