"""Stubs of a system as files: WireMock mappings in a folder, read and refused here before the edge sees them.

The same form holds what a person wrote (``mocks/<system>/stubs``) and what was recorded (``mocks/<system>/recorded``).
A folder that was made for WireMock elsewhere works as it is: a file may hold one mapping or ``{"mappings": […]}``, and
``bodyFileName`` is looked for in ``__files`` beside or inside the folder.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from assay.errors import UsageError
from assay.masking import mask_text

_FILES = "__files"
# No card begins with 1 (instants in milliseconds do), 7 or 8.
_MASKED_CARD = re.compile(r"(?<![\d*])[2-69]\d{5}\*{3,9}\d{4}(?![\d*])")


def load_stubs(folder: Path) -> tuple[Mapping[str, Any], ...]:
    """Return every mapping under ``folder`` in the order of the files' names; an absent folder holds none.

    `UsageError` names the file that is no mapping, and the place of a card number in one.
    """
    found: list[Mapping[str, Any]] = []
    for file in sorted(folder.rglob("*.json")):
        if _FILES in file.relative_to(folder).parts:
            continue
        found += read_stubs(file, folder)
    return tuple(found)


def read_stubs(file: Path, folder: Path) -> tuple[Mapping[str, Any], ...]:
    """Return the mappings of one file; what `bodyFileName` names lies in `__files` beside or inside ``folder``.

    `UsageError` as of `load_stubs`.
    """
    return tuple(_with_body(stub, file, folder) for stub in _mappings(file))


def refuse_card_numbers(content: object, file: Path) -> None:
    """Raise `UsageError` naming file and place of the first text in ``content`` that holds a card number."""
    for place, text in _texts(content, ""):
        if holds_card_number(text):
            raise UsageError(
                "a card number stands in recorded traffic, where it may never be kept",
                where=f"{file}: {place or 'top level'}",
                expected="tokens, or the first six and last four digits at most",
                hint="delete the file and record again with a token in its place; find out who sent the number",
            )


def holds_card_number(text: str) -> bool:
    """Tell whether a text holds a card number in full."""
    return len(_MASKED_CARD.findall(mask_text(text))) > len(_MASKED_CARD.findall(text))


def holds_masked_card(text: str) -> bool:
    """Tell whether a text holds what masking leaves of a card number: its first six and last four digits."""
    return _MASKED_CARD.search(text) is not None


def _mappings(file: Path) -> list[Mapping[str, Any]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _refused(file, f"{type(error).__name__}: {error}") from None
    if isinstance(content, dict) and isinstance(content.get("mappings"), list):
        mappings: list[Any] = content["mappings"]
    else:
        mappings = [content]
    for stub in mappings:
        if not isinstance(stub, dict) or not isinstance(stub.get("request"), dict):
            raise _refused(file, "no object 'request'")
        if not isinstance(stub.get("response"), dict):
            raise _refused(file, "no object 'response'")
    refuse_card_numbers(content, file)
    return mappings


def _with_body(stub: Mapping[str, Any], file: Path, folder: Path) -> Mapping[str, Any]:
    """Put the content of a body's file into the mapping: the edge's own folder knows no file of the project."""
    response = dict(stub["response"])
    name = response.pop("bodyFileName", None)
    if name is None:
        return stub
    for files in (folder / _FILES, folder.parent / _FILES):
        body = files / str(name)
        if body.is_file():
            response["base64Body"] = base64.b64encode(body.read_bytes()).decode("ascii")
            return {**stub, "response": response}
    raise UsageError(
        "a stub names a body file that is not there",
        where=f"{file}: response.bodyFileName",
        expected=f"{folder / _FILES / str(name)}",
        seen=str(name),
    )


def _refused(file: Path, seen: str) -> UsageError:
    return UsageError(
        "a stub is no WireMock mapping",
        where=str(file),
        expected='{"request": {…}, "response": {…}}',
        seen=seen,
        hint="see https://wiremock.org/docs/stubbing/",
    )


def _texts(content: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(content, str):
        yield place, content
    elif isinstance(content, int) and not isinstance(content, bool):
        yield place, str(content)
    elif isinstance(content, Mapping):
        for name, value in content.items():
            yield from _texts(name, f"{place}.{name}".lstrip("."))
            yield from _texts(value, f"{place}.{name}".lstrip("."))
    elif isinstance(content, list):
        for position, value in enumerate(content):
            yield from _texts(value, f"{place}.{position}".lstrip("."))
