"""Keeps what large YAML documents were parsed into, by checksum, so that only the first reading is slow.

YAML is read some two hundred times slower than JSON: a document of 4 MB takes four seconds of CPU, its kept form 0.03.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from assay.contracts import yaml_safe

_WORTH_IT = 100_000  # bytes; below it parsing takes no longer than a moment
_MOST = 100  # kept documents; the ones not written for longest go first


def parse(content: bytes, folder: Path | None = None) -> tuple[Any, Sequence[tuple[int, str]]]:
    """Return what `yaml_safe.parse` returns, from the cache where the very same bytes were parsed before.

    folder: where to keep it, the user's cache unless said. A cache that cannot be read or written is done without.
    """
    if len(content) < _WORTH_IT:
        return yaml_safe.parse(content)
    folder = folder or _folder()
    path = folder / f"{hashlib.sha256(_version() + content).hexdigest()}.json"
    with suppress(OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        held = orjson.loads(path.read_bytes())
        return held["document"], [(int(line), str(key)) for line, key in held["repeated"]]
    document, repeated = yaml_safe.parse(content)
    with suppress(OSError, TypeError):  # TypeError: an integer of more than 64 bits
        _keep(path, orjson.dumps({"document": document, "repeated": repeated}))
    return document, repeated


def _keep(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all: others read the same cache."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    kept = sorted(path.parent.glob("*.json"), key=lambda each: each.stat().st_mtime)
    for each in kept[:-_MOST]:
        each.unlink(missing_ok=True)


@lru_cache(maxsize=1)
def _version() -> bytes:
    """Return what tells one way of parsing from the next: what an older one kept is not read."""
    return hashlib.sha256(Path(yaml_safe.__file__).read_bytes()).digest()


def _folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("assay")) / "contracts" / "parsed"
