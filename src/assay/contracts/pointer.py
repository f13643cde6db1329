"""Parts of JSON pointers (RFC 6901), as they stand in documents and in the references between them."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote


def escaped(name: Any) -> str:
    """Return a name as a part of a JSON pointer."""
    return str(name).replace("~", "~0").replace("/", "~1")


def unescaped(part: str) -> str:
    """Return the name that a part of a JSON pointer stands for."""
    return part.replace("~1", "/").replace("~0", "~")


def names_of(fragment: str) -> list[str]:
    """Return the names a reference leads through, by what stands after its `#`: such a pointer is encoded for URLs."""
    return [unescaped(unquote(part)) for part in fragment.split("/")[1:]]
