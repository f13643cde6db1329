"""What a JSON body must be: compiled when first asked; judged by the strict twin at the price of one validation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import jsonschema_rs
import orjson

from assay.contracts import forms
from assay.contracts.json_bundle import LONG_TEXT, bundle
from assay.contracts.json_judging import Judging, Validators
from assay.contracts.json_normal import Definitions, Schema
from assay.contracts.json_numbers import has_odd_fraction, is_long, lossy, made_whole, may_lose
from assay.contracts.json_places import Places, shown
from assay.contracts.json_view import Fields
from assay.contracts.model import Deviation, Field, Problem
from assay.masking import MASK

__all__ = ["Definitions", "JsonShape"]

JSON = "application/json"
_MARK = MASK.encode()
# A card number that stood as a number: masked, it is no JSON any more.
_MASKED_NUMBER = re.compile(rb"(?<=[:\[,\s])-?[0-9]*\*{3,}[0-9]*(?=\s*[,\]}])")
_BOM = b"\xef\xbb\xbf"


class JsonShape:
    """What a body must be by a JSON schema. Implements `assay.contracts.model.Shape`.

    schema: as it stands in the document; definitions: what it refers to. media: how the body is written, JSON or a
    form; its fields are read into the numbers, arrays and objects that the schema means. request: whether the caller
    sends it, so that what only answers must have is not asked of it. where: its place in the document, for faults;
    base: the address of the file it stands in, '' for the document itself.
    """

    def __init__(
        self,
        schema: Any,
        definitions: Definitions,
        *,
        media: str = JSON,
        request: bool = False,
        where: str = "",
        base: str = "",
    ) -> None:
        self.raw = schema
        self._definitions = definitions
        self._where = where
        self._base = base
        self._request = request
        self._rare: Validators = {}
        self.media = media

    @cached_property
    def node(self) -> Schema:
        """The schema as JSON Schema 2020-12; its references are names of `definitions`."""
        return self._definitions.normal(self.raw, self._where, base=self._base)

    @cached_property
    def schema(self) -> Mapping[str, Any]:
        """The schema with everything it refers to, standing alone: JSON Schema 2020-12."""
        return bundle(self._definitions, self.node, strict=False, request=self._request)

    @cached_property
    def strict_schema(self) -> Mapping[str, Any]:
        """The strict twin: the same, but nothing may be there that the document does not list."""
        return bundle(self._definitions, self.node, strict=True, request=self._request)

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """What the document says of each path; see `assay.contracts.json_view.Fields`."""
        return Fields(self._definitions, self.node, request=self._request)

    def compile(self) -> None:
        """Compile both validators now rather than when they are first needed."""
        _ = self._validator, self._strict

    def is_valid(self, value: Any) -> bool:
        """Return whether a value that was read already is as the document has it; undocumented fields are let pass."""
        return self._validator.is_valid(value)

    def deviations(self, body: bytes, *, additive: bool = True) -> Sequence[Deviation]:
        """Return where a body departs from the document; see `assay.contracts.model.Shape`."""
        try:
            value = self._read(body)
        except ValueError as trouble:
            return [Deviation(Problem.MALFORMED, "", self.media, str(trouble))]
        found: list[Deviation] = []
        fits = self._fits(body, value) if additive else self._validator.is_valid(value)
        if not fits:
            found += self._departures(value, additive)
        if additive and self._request and self._has_deprecated:
            found += self._places.deprecated(value)
        if self.media == JSON:
            # The twin allows no whole number that a double cannot hold, so that only points are left to look for.
            odd = has_odd_fraction(body)
            if odd or ((not fits or not additive) and may_lose(body)):
                found += self._numbers(body)
        return list({(each.problem, each.path): each for each in reversed(found)}.values())[::-1] if found else found

    def _fits(self, body: bytes, value: Any) -> bool:
        """Return whether a body is as documented and holds nothing else: asks the twin, and no more if it can."""
        return self._strict.is_valid(value) and (not _may_be_long(body) or self._validator.is_valid(value))

    def _departures(self, value: Any, additive: bool) -> list[Deviation]:
        """Return what is against the document, and what it does not know; by the document alone where that is all."""
        judging = Judging(self._definitions, self._rare, request=self._request, additive=additive)
        found = judging.deviations(value, self.node)
        if additive and self._validator.is_valid(value):
            return [each for each in found if each.problem is Problem.FIELD]
        return found

    def _numbers(self, body: bytes) -> Iterator[Deviation]:
        """Yield what only the digits as they are written show: validators read 7000.0 as the integer it equals."""
        for places, digits in made_whole(body):
            path, here = self._places.path(places)
            if here.types is not None and "integer" in here.types and "number" not in here.types:
                yield Deviation(Problem.TYPE, path, "integer", f"{digits[:30]}, with a fraction or exponent")
        for places, digits in lossy(body):
            path, here = self._places.path(places)
            if not (here.limits.get("format") in ("int64", "uint64") and is_long(digits)):
                seen = shown(str(places[-1]) if places else "", digits).strip('"')
                yield Deviation(Problem.PRECISION, path, "at most 15 to 17 digits, as a double holds", seen)

    def _read(self, body: bytes) -> Any:
        """Return the value a body means; ValueError says why it cannot be read, without its content."""
        if self.media != JSON:
            return forms.read(body, self.media, self.node, self._definitions)
        body = body.removeprefix(_BOM)
        if not body.strip():
            raise ValueError("an empty body")
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as trouble:
            if _MARK in body:
                try:
                    return orjson.loads(_MASKED_NUMBER.sub(b'"%s"' % _MARK, body))
                except orjson.JSONDecodeError:
                    pass
            raise ValueError(f"line {trouble.lineno} column {trouble.colno}: {trouble.msg.split(':')[0]}") from None

    @cached_property
    def _places(self) -> Places:
        return Places(self._definitions, self.node, request=self._request)

    @cached_property
    def _has_deprecated(self) -> bool:
        return '"deprecated":true' in orjson.dumps(self.schema).decode()

    @cached_property
    def _validator(self) -> jsonschema_rs.Draft202012Validator:
        return _compiled(self.schema)

    @cached_property
    def _strict(self) -> jsonschema_rs.Draft202012Validator:
        return _compiled(self.strict_schema)


def _may_be_long(body: bytes) -> bool:
    """Return whether a body may hold a text so long that the twin leaves it alone.

    Between the quotes of JSON, of which every text has two, there is then so long a stretch; forms and escapes are not
    looked into.
    """
    if len(body) < LONG_TEXT:
        return False
    if b"\\" in body or not body.startswith((b"{", b"[")):
        return True
    at = 0
    while at + LONG_TEXT <= len(body):
        found = body.rfind(b'"', at, at + LONG_TEXT)
        if found < 0:
            return True
        at = found + 1
    return False


def _compiled(schema: Mapping[str, Any]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(dict(schema), validate_formats=False, offline=True)
