"""Sees what every validator is blind to: fields of an answer that the contract does not list (the strict twin)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from assay.contracts.model import Deviation, Problem, media_type
from assay.contracts.reading import read_document

CHECK = "undocumented_field"
ADDITIVE = "additive: nobody who reads by the document breaks"
"""Why such a field is information and no failure; a contract may name no more than what is used."""

_ENOUGH = 5


class Twin:
    """The contract as the engine reads it; answers are held against it by operation, status and content type."""

    def __init__(self, file: Path) -> None:
        document = read_document(file, source=str(file))
        self._operations = {f"{each.method} {each.path}": each for each in document.operations}
        self._told: Counter[tuple[str, int]] = Counter()

    def strange(self, operation: str, status: int, content_type: str, body: bytes) -> Sequence[Deviation]:
        """Return the fields of one answer that are in no document; none where that answer is not documented at all.

        Naming each field costs as much as the request: after some answers of an operation and status that hold such
        fields, further ones are passed over.
        """
        if self._told[operation, status] >= _ENOUGH:
            return ()
        found = self._operations.get(operation)
        answer = found.answer(status) if found is not None else None
        if answer is None or not body:
            return ()
        media = media_type(content_type)
        shape = answer.shapes.get(media)
        if shape is None or not media.endswith("json"):
            return ()
        strange = [each for each in shape.deviations(body) if each.problem is Problem.FIELD]
        self._told[operation, status] += bool(strange)
        return strange
