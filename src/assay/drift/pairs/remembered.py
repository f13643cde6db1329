"""What is kept of a pair's last verdict, in a file: what each side's rows came to, and which keys were not settled.

A file of another rule, of another format, or one that cannot be read is no memory at all: all is compared anew then.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy

from assay.drift.pairs.model import Counts
from assay.drift.pairs.partitions import Part, Parts
from assay.drift.pairs.printed import Files, Group
from assay.errors import InfrastructureError

_FORMAT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A pair as it was found last.

    rule: what the verdict rests on beside the rows. span: of a partition. parts: those of which every row was judged.
    links: partitions that share a record, one side's row here, the other's there. open: hashes of the keys that differ
    or are in flight. open_in: the partitions their rows lie in. due: when the first record in flight falls due, in
    microseconds since 1970. watermarks: up to which change each side was read. files: what each row group of a side's
    files came to, by path. counts, differing: of all rows.
    """

    rule: str
    span: int
    at: datetime
    swept_at: datetime
    parts: Parts
    links: frozenset[tuple[int, int]] = frozenset()
    open: numpy.ndarray[Any, Any] = field(default_factory=lambda: numpy.empty(0, dtype=numpy.uint64))
    open_in: frozenset[int] = frozenset()
    due: int | None = None
    watermarks: tuple[int | None, int | None] = (None, None)
    files: tuple[Files, Files] = ({}, {})
    counts: Counts
    differing: int = 0


class Memory:
    """The files of a folder, one a pair."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, pair: str) -> Remembered | None:
        """Return what is kept of a pair; None where nothing is, or nothing that can be read."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            held = json.loads(self._path(pair).read_text(encoding="utf-8"))
            if held["format"] == _FORMAT and held["pair"] == pair:
                return _read(held)
        return None

    def save(self, pair: str, remembered: Remembered) -> None:
        """Keep it, in place of what was kept; whoever reads meanwhile sees the one or the other, whole."""
        content = {"format": _FORMAT, "pair": pair, **_written(remembered)}
        write_whole(self._path(pair), json.dumps(content), of=pair)

    def _path(self, pair: str) -> Path:
        return kept_file(self.folder, pair, "verdict")


def kept_file(folder: Path, pair: str, what: str) -> Path:
    """Return the file in which something is kept of a pair; two names never have one."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", pair)
    word = plain if plain == pair else f"{plain}-{sha256(pair.encode()).hexdigest()[:8]}"
    return folder / f"{word}.{what}.json"


def write_whole(path: Path, text: str, *, of: str) -> None:
    """Write a file in one go; `InfrastructureError` where that cannot be."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise InfrastructureError(
            f"what was found of '{of}' cannot be kept: {error.strerror}",
            where=str(path),
            hint="make the folder writable",
        ) from None


def _written(held: Remembered) -> dict[str, Any]:
    return {
        "rule": held.rule,
        "span": held.span,
        "at": held.at.isoformat(),
        "swept_at": held.swept_at.isoformat(),
        "parts": [[number, *_flat(left), *_flat(right)] for number, (left, right) in sorted(held.parts.items())],
        "files": [{path: list(map(_written_group, groups)) for path, groups in side.items()} for side in held.files],
        "links": sorted(held.links),
        "open": base64.b64encode(held.open.astype("<u8").tobytes()).decode(),
        "open_in": sorted(held.open_in),
        "due": held.due,
        "watermarks": held.watermarks,
        "counts": {name: getattr(held.counts, name) for name in Counts.__slots__},
        "differing": held.differing,
    }


def _flat(part: Part) -> tuple[int, int, int]:
    return part.rows, part.total, part.keys


def _written_group(group: Group) -> list[Any]:
    return [group.rows, group.size, group.print, [[number, *_flat(part)] for number, part in group.parts.items()]]


def _read_files(held: Mapping[str, list[list[Any]]]) -> Files:
    return {
        path: [
            Group(rows, size, printed, {number: Part(*part) for number, *part in parts})
            for rows, size, printed, parts in groups
        ]
        for path, groups in held.items()
    }


def _read(held: Mapping[str, Any]) -> Remembered:
    left, right = held["watermarks"]
    return Remembered(
        rule=held["rule"],
        span=held["span"],
        at=datetime.fromisoformat(held["at"]),
        swept_at=datetime.fromisoformat(held["swept_at"]),
        parts={number: (Part(*both[:3]), Part(*both[3:])) for number, *both in held["parts"]},
        files=(_read_files(held["files"][0]), _read_files(held["files"][1])),
        links=frozenset((one, other) for one, other in held["links"]),
        open=numpy.frombuffer(base64.b64decode(held["open"]), dtype="<u8").astype(numpy.uint64),
        open_in=frozenset(held["open_in"]),
        due=held["due"],
        watermarks=(left, right),
        counts=Counts(**held["counts"]),
        differing=held["differing"],
    )
