"""JSON lines: one event a line, written as it comes, so that whatever breaks later the run is still there.

Format, version 1. UTF-8; a line is one JSON object with three members:

    version  1. A reader refuses a number it does not know; new members of `data` do not change it.
    event    "run_started", "outcome", "contracts" or "run_finished"
    data     the fields of that class of `assay.events` or of `assay.contracts.results`, by their names

In `data` an instant is RFC 3339 in UTC, a date ``YYYY-MM-DD``, a Decimal a string, seconds a number, Money
``{"minor": 8000, "currency": "JPY"}`` in whole minor units of ISO 4217, what is not known null. A lone surrogate, which
UTF-8 cannot carry, becomes U+FFFD. A run that broke off has no "run_finished" and may end in half a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.contracts.results import Contracts
from assay.errors import UsageError, did_you_mean
from assay.events import Outcome, RunFinished, RunStarted

if TYPE_CHECKING:
    from pydantic import TypeAdapter

VERSION = 1
_KINDS: dict[str, type] = {
    "run_started": RunStarted,
    "outcome": Outcome,
    "contracts": Contracts,
    "run_finished": RunFinished,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonLines:
    """A listener that writes each event to a file at once; a new run begins the file anew.

    It writes what it is given: give it masked events (`assay.reporting.open_reports` does).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begun = False

    def __call__(self, event: object) -> None:
        """Write one event; others than a run's start, outcomes, contracts and end are passed over."""
        name = _NAMES.get(type(event))
        if name is None:
            return
        if not self._begun:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        # Opened for each event: a run that breaks off leaves no file open, and what was written is on its way to disk.
        with self._path.open("ab" if self._begun else "wb") as file:
            file.write(line_of(event))
        self._begun = name != "run_finished"


def line_of(event: object) -> bytes:
    """Return the line of one event, with its line end."""
    name = _NAMES[type(event)]
    adapter = _adapter(name)
    try:
        data = adapter.dump_json(event)
    except ValueError:  # lone surrogates, as `json.loads` makes them of "\ud800"
        text = json.dumps(adapter.dump_python(event, mode="json"), ensure_ascii=False)
        data = _SURROGATE.sub("\ufffd", text).encode()
    return b'{"version":%d,"event":"%s","data":%s}\n' % (VERSION, name.encode(), data)


def read_events(path: Path) -> Iterator[object]:
    """Yield the events of a file; `UsageError` names the line that is none. Half a last line is left out."""
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.endswith(b"\n"):
                    yield read_line(line, f"{path}:{number}")
    except (FileNotFoundError, IsADirectoryError):
        raise UsageError(
            f"there is no file {path}", expected="the JSON lines of a run", hint="`assay run` writes them"
        ) from None


def read_line(line: bytes, where: str) -> object:
    """Return the event of one line; `UsageError` says what is wrong with it. where: the place, for the error."""
    from pydantic import ValidationError

    hint = "give the file a run wrote as run.jsonl, unchanged"
    try:
        found = json.loads(line)
        version, name = found["version"], found["event"]
    except (ValueError, LookupError, TypeError):
        shape = '{"version": 1, "event": …, "data": …}'
        raise UsageError(
            "that line is no event", where=where, expected=shape, seen=repr(line[:80]), hint=hint
        ) from None
    if version != VERSION:
        raise UsageError(
            "the file was written by another version of Assay",
            where=where,
            expected=f"version {VERSION}",
            seen=f"version {version!r}",
            hint="read it with the Assay that wrote it, or newer",
        )
    if name not in _KINDS:
        raise UsageError(f"unknown event {name!r}", where=where, hint=did_you_mean(str(name), _KINDS))
    try:
        # As JSON, strictly: numbers are not read from strings, and instants are.
        event: object = _adapter(name).validate_json(json.dumps(found.get("data")), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"'{name}' has a wrong field: {first['msg']}", where=f"{where}: data.{place}", hint=hint
        ) from None
    return event


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    from assay.money import Money
    from assay.records import BalanceEntry, Displayed, Dossier, PaymentOption

    adapter: TypeAdapter[Any] = TypeAdapter(_KINDS[name])
    # `assay.events` knows these by name only, so that a quick command need not load them.
    records = {each.__name__: each for each in (BalanceEntry, Displayed, Dossier, PaymentOption)}
    adapter.rebuild(_types_namespace={"Money": Money, "Mapping": Mapping, "datetime": datetime, **records})
    return adapter
