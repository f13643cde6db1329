"""The contract as the engine reads it: fields of an answer that no document lists, and forms read as they were sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from assay.contracts.forms import MULTIPART, URLENCODED
from assay.contracts.model import Deviation, Field, Problem, Shape, media_type
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

    def fields(self, operation: str, content_type: str) -> Mapping[str, Field] | None:
        """Return what the contract says of each path of a request's body; None where it says nothing of that type."""
        shape = self._request(operation, content_type)
        return None if shape is None else shape.fields

    def against(self, operation: str, content_type: str, body: bytes) -> Sequence[Deviation]:
        """Return where the body of a request is what the contract forbids, as it was sent; a form as it is read back.

        Nothing of a body the contract does not speak of.
        """
        shape = self._request(operation, content_type)
        if shape is None or self.allows_form(operation, content_type, body):
            return ()
        return shape.deviations(body, additive=False)

    def _request(self, operation: str, content_type: str) -> Shape | None:
        found = self._operations.get(operation)
        return None if found is None else found.requests.get(media_type(content_type))

    def allows_form(self, operation: str, content_type: str, body: bytes) -> bool:
        """Return whether a form is as documented when it is read back from the text that was sent.

        A form holds text alone, so that wrong data can become right on its way: null under a key of a map of texts is
        the text `null`, an integer in a text's place its digits. False for a body that is no form.
        """
        shape, media = self._request(operation, content_type), media_type(content_type)
        if shape is None or media not in (URLENCODED, MULTIPART):
            return False
        readings = [body, _last_of_each(body)] if media == URLENCODED else [body]
        return any(not shape.deviations(each, additive=False) for each in readings)


def _last_of_each(form: bytes) -> bytes:
    """Return a form in which each name stands once, with its last value, as servers read a repeated name: no array."""
    pairs = parse_qsl(form.decode(errors="replace"), keep_blank_values=True)
    lists = [(name, value) for name, value in pairs if name.endswith("[]")]
    return urlencode([*dict(pair for pair in pairs if pair not in lists).items(), *lists]).encode()
