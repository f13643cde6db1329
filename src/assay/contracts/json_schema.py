"""Reads JSON Schema of drafts 4 to 2020-12: no operations, but the shapes of messages that come by other ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assay.contracts.model import Document, Shape
from assay.contracts.pointer import escaped
from assay.contracts.rest import Reading

ROOT = ""  # the name of the shape that is the document itself


def read(content: Mapping[str, Any], *, source: str, fetch: Callable[[str], bytes] | None = None) -> Document:
    """Return the document: the schema itself under '', and those it defines under their names."""
    reading = Reading(content, source=source, fetch=fetch)
    shapes: dict[str, Shape] = {ROOT: reading.shape(content, "#", "", request=False)}
    for key in ("definitions", "$defs"):
        for name, _ in reading.parts(content.get(key), f"#/{key}"):
            place = f"#/{key}/{escaped(name)}"
            shapes[name] = reading.shape({"$ref": place}, place, "", request=False)
    return Document(
        source=source,
        format="json-schema",
        title=str(content.get("title", "")),
        version=str(content.get("version") or content.get("$id") or content.get("id") or ""),
        faults=reading.faults_of_shapes(),
        shapes=shapes,
    )
