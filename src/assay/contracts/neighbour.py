"""Reads the other files and addresses that a document refers to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import orjson

from assay.contracts import yaml_safe
from assay.errors import UsageError

_MOST_BYTES = 64 * 1024 * 1024


def load(address: str, fetch: Callable[[str], bytes] | None) -> Any:
    """Return what another file or address holds, as JSON's data; raises OSError or ValueError, which say why not."""
    if fetch is None:
        raise OSError("other files and addresses are not followed here")
    try:
        content = fetch(address)
    except UsageError as trouble:
        raise OSError(str(trouble)) from None
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
