"""The contract as the engine reads it: fields of an answer that no document lists, and forms read as they were sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from assay.contracts.forms import MULTIPART, URLENCODED
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

    def allows_form(self, operation: str, content_type: str, body: bytes) -> bool:
        """Return whether a form is as documented when it is read back from the text that was sent.

        A form holds text alone, so that wrong data can become right on its way: null under a key of a map of texts is
        the text `null`, an integer in a text's place its digits. False for a body that is no form.
        """
        found, media = self._operations.get(operation), media_type(content_type)
        shape = found.requests.get(media) if found is not None and media in (URLENCODED, MULTIPART) else None
        if shape is None:
            return False
        readings = [body, _last_of_each(body)] if media == URLENCODED else [body]
        return any(not shape.deviations(each, additive=False) for each in readings)


def _last_of_each(form: bytes) -> bytes:
    """Return a form in which each name stands once, with its last value, as servers read a repeated name: no array."""
    pairs = parse_qsl(form.decode(errors="replace"), keep_blank_values=True)
    lists = [(name, value) for name, value in pairs if name.endswith("[]")]
    return urlencode([*dict(pair for pair in pairs if pair not in lists).items(), *lists]).encode()
