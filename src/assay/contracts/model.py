"""What every format of document is read into: operations, their messages' shapes, and how something departs from them.

A path names a place in a message: members joined by dots, `[]` after an array, `{}` for a member of a map with any
key, `@name` for an attribute of XML: `data[].amount`, `metadata.{}`, `cXML.Request@deploymentMode`. The body itself is
the empty text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Protocol

PATH_PARAMETER = re.compile(r"\{[^{}]*\}")
"""A parameter as an operation's path holds it: each document calls it by a name of its own."""


def media_type(content_type: str) -> str:
    """Return a content type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


class Problem(StrEnum):
    """In which way something is not as the document has it."""

    OPERATION = "undocumented operation"
    STATUS = "undocumented status"
    CONTENT_TYPE = "wrong content type"
    PARAMETER = "undocumented parameter"
    FIELD = "undocumented field"
    MISSING = "required field missing"
    TYPE = "wrong type"
    NULL = "null where none is allowed"
    ENUM = "value outside the documented set"
    LIMIT = "outside the documented limits"
    PRECISION = "number loses precision"
    DEPRECATED = "deprecated"
    MALFORMED = "cannot be read"
    SCHEMA = "against the schema"

    @property
    def is_additive(self) -> bool:
        """Whether an answer that does so breaks nobody who reads by the document: information, no violation."""
        return self in (Problem.FIELD, Problem.PARAMETER, Problem.DEPRECATED)


@dataclass(frozen=True, slots=True, order=True)
class Deviation:
    """One place where a message is not as documented. `seen` is masked and short: it may go into a report."""

    problem: Problem
    path: str
    expected: str = ""
    seen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What a document says of one path of a message.

    types: JSON Schema's names (integer, number, string, boolean, object, array, null); of XML, the same by XSD's types.
    required: whether its parent must have it; decided is False where branches of the document disagree. enum: the only
    values allowed, None where any is. closed: of an object, whether the document itself forbids further members.
    """

    types: frozenset[str] = frozenset()
    required: bool = False
    enum: frozenset[str] | None = None
    closed: bool = False
    deprecated: bool = False
    decided: bool = True
    limits: tuple[tuple[str, str], ...] = ()  # such as ("maxLength", "35"), ("pattern", "^[A-Z]{2}$")

    @property
    def words(self) -> str:
        """Its types as words: `integer or null`, `any` where the document says nothing."""
        return " or ".join(sorted(self.types)) or "any"


def parent_of(path: str) -> str:
    """Return a path one step up: `a.b` of `a.b[]`, `a` of `a.b`, `a@b` and `a.@b`; '' of what stands at the top."""
    if path.endswith("[]"):
        return path[:-2]
    cut = max(path.rfind("."), path.rfind("@"), 0)
    return path[: cut - 1] if path[cut - 1 : cut + 1] == ".@" else path[:cut]


class Shape(Protocol):
    """What one message must be; compiled when it is first asked."""

    @property
    def fields(self) -> Mapping[str, Field]:
        """What the document says of each path, down to where it repeats itself; the body itself under ''."""

    def deviations(self, body: bytes, *, additive: bool = True) -> Sequence[Deviation]:
        """Return where a body departs from the document, each place once; never raises for what a body holds.

        additive: undocumented fields, too, by the strict twin. A masked value is never judged.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of an operation. place: path, query, header or cookie."""

    name: str
    place: str
    required: bool = False
    deprecated: bool = False
    shape: Shape | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one documented status may hold: shapes by content type (none of it: no body), and headers by lower name."""

    shapes: Mapping[str, Shape | None] = field(default_factory=dict)
    headers: Mapping[str, Parameter] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing a system can be asked to do.

    name: unique in its document, as a person would call it: `POST /v1/charges`, `GET A_SalesOrder`, `mutation
    orderCreate`, `addList`. path: as on the wire, the server's base path included, `{name}` for a parameter; the
    operations of GraphQL, SOAP and cXML share one path, and `selector` then says which one a request is for: the root
    field, the SOAPAction or body element, the request element. requests: by content type. responses: by status as
    documented: '200', '4XX', 'default'. auth: the ways to authenticate, any of which is enough, each as a text that is
    equal where the way is: `http bearer`, `apiKey header X-Key`, `oauth2 orders_read` ('' none); () where unknown.
    """

    name: str
    method: str
    path: str
    selector: str = ""
    parameters: tuple[Parameter, ...] = ()
    requests: Mapping[str, Shape | None] = field(default_factory=dict)
    body_required: bool = False
    responses: Mapping[str, Answer] = field(default_factory=dict)
    deprecated: bool = False
    webhook: bool = False
    hosts: tuple[str, ...] = ()
    auth: tuple[str, ...] = ()

    def answer(self, status: int) -> Answer | None:
        """Return what is documented for a status: its own, its hundred's, else the default, or None."""
        for key in (str(status), f"{status // 100}XX", f"{status // 100}xx", "default"):
            if key in self.responses:
                return self.responses[key]
        return None


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a document itself. where: a JSON pointer, or a line; the rest of it is read all the same."""

    where: str
    problem: str


@dataclass(frozen=True, kw_only=True)
class Document:
    """One document as it was read. source: the file or address. format: as in `assay.contracts.reading.FORMATS`."""

    source: str
    format: str
    title: str = ""
    version: str = ""
    operations: tuple[Operation, ...] = ()
    faults: tuple[Fault, ...] = ()
    shapes: Mapping[str, Shape] = field(default_factory=dict)  # named types that no operation says where they are used

    def find(self, method: str, path: str, selector: str = "", host: str = "") -> Operation | None:
        """Return the operation a call is for; a fixed path before a template, and of two templates the longer."""
        return self._routes.find(method, path, selector, host)

    @cached_property
    def _routes(self) -> Routes:
        return Routes(self.operations)


class Routes:
    """Finds the operation of a call by method and path."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        ranked = sorted(operations, key=lambda each: -len(PATH_PARAMETER.sub("", each.path)))
        self._fixed: dict[tuple[str, str], list[Operation]] = {}
        self._templates: dict[tuple[str, int], list[tuple[re.Pattern[str], Operation]]] = {}
        for each in ranked:
            if "{" not in each.path:
                self._fixed.setdefault((each.method, each.path), []).append(each)
                continue
            parts = PATH_PARAMETER.split(each.path)
            pattern = re.compile("[^/]+".join(map(re.escape, parts)))
            self._templates.setdefault((each.method, each.path.count("/")), []).append((pattern, each))

    def find(self, method: str, path: str, selector: str = "", host: str = "") -> Operation | None:
        """Return the operation of a call, or None where no operation has this method and path."""
        for each in self._candidates(method.upper(), path):
            if (not selector or not each.selector or each.selector == selector) and (
                not host or not each.hosts or host in each.hosts
            ):
                return each
        return None

    def _candidates(self, method: str, path: str) -> Iterator[Operation]:
        yield from self._fixed.get((method, path), ())
        for pattern, each in self._templates.get((method, path.count("/")), ()):
            if pattern.fullmatch(path):
                yield each
