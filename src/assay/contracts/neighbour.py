"""Reads the other files that a document refers to: beside it, or by its address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from assay.contracts import yaml_safe

_MOST_BYTES = 64 * 1024 * 1024


def load(address: str, *, beside: str, fetch: Callable[[str], bytes] | None) -> Any:
    """Return what another file or address holds, as JSON's data; raises OSError or ValueError, which say why not.

    A file of that name beside the document that refers to it comes first, so that a folder of documents is read
    without a network; only then `fetch` is asked.
    """
    content = _beside(address, beside)
    if content is None:
        if fetch is None:
            raise OSError("no file of that name lies beside the document, and addresses are not followed here")
        content = fetch(address)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"it has {len(content)} bytes, the most is {_MOST_BYTES}")
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return yaml_safe.parse(content)[0]


def is_same_file(address: str, document: str) -> bool:
    """Return whether an address on the network ends in the name of the file a document was read from."""
    return (
        "://" in address and "://" not in document and PurePosixPath(urlsplit(address).path).name == Path(document).name
    )


def _beside(address: str, document: str) -> bytes | None:
    """Return a file in the document's own folder: by its place below it, else by its name alone. Never above it."""
    if not document or "://" in document:
        return None
    folder = Path(document).resolve().parent
    path = unquote(urlsplit(address).path)
    for candidate in (folder / path, folder / PurePosixPath(path).name):
        whole = candidate.resolve()
        if whole.is_relative_to(folder) and whole.is_file():
            return whole.read_bytes()
    return None
