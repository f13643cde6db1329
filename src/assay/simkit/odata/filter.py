"""$filter of OData V2: parsed once into a tree, compiled into a predicate over stored rows.

Understood: eq ne gt ge lt le, and or not, parentheses, substringof startswith endswith length tolower toupper trim
indexof substring concat year month day hour minute second, all literals. Arithmetic and paths are refused, as SAP
Gateway refuses them for most services.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from assay.simkit.odata.edm import EntitySet, Property
from assay.simkit.odata.errors import ODataFault, bad_request
from assay.simkit.odata.values import Unfit, comparable, from_json, strip_zeros

Row = Mapping[str, Any]
Value = Callable[[Row], Any]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<typed>(?:datetimeoffset|datetime|guid|time|binary|X)'(?:[^']|'')*')
      | (?P<string>'(?:[^']|'')*')
      | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[mMlLdDfF]?)
      | (?P<word>[A-Za-z_][A-Za-z0-9_/]*)
      | (?P<mark>[(),])
    )""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_WORDS: dict[str, tuple[str, Any]] = {"true": ("boolean", True), "false": ("boolean", False), "null": ("null", None)}
_GROUP = {
    **dict.fromkeys(("Decimal", "Double", "Byte", "Int16", "Int32", "Int64"), "number"),
    "String": "string",
    "Guid": "guid",
    "DateTime": "datetime",
    "DateTimeOffset": "datetimeoffset",
    "Time": "time",
    "Boolean": "boolean",
}


@dataclass(frozen=True, slots=True)
class Term:
    """A value in a filter: a constant, a property or a function of others; `group` is the type it compares with."""

    group: str
    value: Value
    constant: Any = None
    is_constant: bool = False
    prop: Property | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled $filter: `keeps` says whether a row passes, `equal` what every passing row must hold."""

    keeps: Callable[[Row], bool]
    equal: Mapping[str, Any]


def parse_filter(text: str, entity: EntitySet) -> Filter:
    """Compile a $filter over rows of an entity set; raises `ODataFault` (400) for what nobody can read."""
    parser = _Parser(text, entity)
    node = parser.either()
    if parser.peek() is not None:
        raise parser.fault()
    return Filter(_as_predicate(node), node.equal)


@dataclass(frozen=True, slots=True)
class _Node:
    term: Term
    equal: Mapping[str, Any]


def _as_predicate(node: _Node) -> Callable[[Row], bool]:
    if node.term.group != "boolean":
        raise bad_request("Invalid expression in $filter: a condition is expected.")
    return node.term.value


class _Parser:
    """Recursive descent over the tokens of one filter."""

    def __init__(self, text: str, entity: EntitySet) -> None:
        self.entity = entity
        self.tokens: list[tuple[str, str, int]] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise bad_request(f"Invalid token detected at position {at}")
            kind = match.lastgroup or ""
            self.tokens.append((kind, match[kind], match.start(kind)))
            at = match.end()
        self.at = 0
        self.depth = 0

    def peek(self) -> str | None:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else None

    def next(self) -> tuple[str, str, int]:
        if self.at >= len(self.tokens):
            raise bad_request("Expression of $filter ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def fault(self) -> ODataFault:
        if self.at >= len(self.tokens):
            return bad_request("Expression of $filter ends too early")
        _, token, position = self.tokens[self.at]
        return bad_request(f"Invalid token '{token[:40]}' detected at position {position}")

    def take(self, mark: str) -> None:
        if self.peek() != mark:
            raise self.fault()
        self.at += 1

    def either(self) -> _Node:
        node = self.both()
        while self.peek() == "or":
            self.at += 1
            left, right = _as_predicate(node), _as_predicate(self.both())
            node = _Node(Term("boolean", _disjunction(left, right)), {})
        return node

    def both(self) -> _Node:
        node = self.negated()
        while self.peek() == "and":
            self.at += 1
            other = self.negated()
            left, right = _as_predicate(node), _as_predicate(other)
            node = _Node(Term("boolean", _conjunction(left, right)), {**node.equal, **other.equal})
        return node

    def negated(self) -> _Node:
        if self.peek() == "not":
            self.at += 1
            inner = _as_predicate(self.negated())
            return _Node(Term("boolean", lambda row: not inner(row)), {})
        return self.comparison()

    def comparison(self) -> _Node:
        left = self.operand()
        sign = self.peek()
        if sign not in _COMPARE:
            return left
        position = self.next()[2]
        return _compare(sign, left.term, self.operand().term, position)

    def operand(self) -> _Node:
        if self.peek() == "(":
            self.depth += 1
            if self.depth > 50:
                raise bad_request("Expression of $filter is nested too deeply")
            self.at += 1
            node = self.either()
            self.take(")")
            self.depth -= 1
            return node
        kind, token, position = self.next()
        if kind == "word" and self.peek() == "(":
            return _Node(self.function(token, position), {})
        return _Node(self.single(kind, token, position), {})

    def single(self, kind: str, token: str, position: int) -> Term:
        if kind == "string":
            return _constant("string", token[1:-1].replace("''", "'"))
        if kind == "number":
            return _constant("number", Decimal(token.rstrip("mMlLdDfF")))
        if kind == "typed":
            return _typed(token, position)
        if token in _WORDS:
            return _constant(*_WORDS[token])
        prop = self.entity.by_name.get(token)
        if kind != "word" or prop is None:
            raise bad_request(f"Property {token} not found in type {self.entity.type_name}")
        return _column(prop)

    def function(self, name: str, position: int) -> Term:
        self.take("(")
        arguments: list[Term] = []
        while self.peek() != ")":
            if arguments:
                self.take(",")
            arguments.append(self.either().term)
        self.take(")")
        build = _FUNCTIONS.get(name)
        if build is None:
            raise bad_request(f"Function '{name}' is not supported (position {position})")
        groups, result, call = build
        if not (len(groups) - name.count("substring") <= len(arguments) <= len(groups)):
            raise bad_request(f"Wrong number of parameters of function '{name}' (position {position})")
        for argument, group in zip(arguments, groups, strict=False):
            if argument.group not in group.split("|"):
                raise bad_request(f"Invalid parametertype used at function '{name}' (Position: {position})")
        values = [argument.value for argument in arguments]
        return Term(result, lambda row: call(*(value(row) for value in values)))


def _conjunction(left: Value, right: Value) -> Value:
    return lambda row: left(row) and right(row)


def _disjunction(left: Value, right: Value) -> Value:
    return lambda row: left(row) or right(row)


def _constant(group: str, value: Any) -> Term:
    return Term(group, lambda row: value, value, True)


def _column(prop: Property) -> Term:
    name, convert = prop.name, comparable(prop)
    if prop.kind in ("String", "Boolean", "Guid", "Time"):
        return Term(_GROUP[prop.kind], lambda row: row[name], prop=prop)
    return Term(_GROUP[prop.kind], lambda row: convert(row[name]), prop=prop)


def _typed(token: str, position: int) -> Term:
    kind, _, rest = token.partition("'")
    text = rest[:-1].replace("''", "'")
    names = {"datetime": "DateTime", "datetimeoffset": "DateTimeOffset", "guid": "Guid", "time": "Time"}
    if kind not in names:
        raise bad_request(f"Invalid token '{token[:40]}' detected at position {position}")
    prop = Property("literal", names[kind])
    try:
        wire = from_json(prop, text.replace("Z", "+00:00") if kind.startswith("datetime") else text)
    except (ODataFault, Unfit):
        raise bad_request(f"Invalid literal {token[:60]} at position {position}") from None
    return _constant(kind, comparable(prop)(wire))


def _compare(sign: str, left: Term, right: Term, position: int) -> _Node:
    if "null" not in (left.group, right.group) and left.group != right.group:
        raise bad_request(f"Invalid parametertype used at function '{sign}' (Position: {position})")
    if right.is_constant and left.prop is not None:
        return _compare_column(sign, left, right.constant)
    test, first, second = _COMPARE[sign], left.value, right.value
    return _Node(Term("boolean", lambda row: _safely(test, first(row), second(row))), {})


def _compare_column(sign: str, column: Term, constant: Any) -> _Node:
    prop, value = column.prop, column.value
    assert prop is not None
    if prop.alpha and isinstance(constant, str):
        constant = strip_zeros(constant)
    if constant is None and prop.blank is not None:
        constant = comparable(prop)(prop.blank)
    if sign == "eq":
        known = {prop.name: constant} if column.group == "string" else {}
        return _Node(Term("boolean", lambda row: value(row) == constant), known)
    if sign == "ne":
        return _Node(Term("boolean", lambda row: value(row) != constant), {})
    if constant is None:
        return _Node(Term("boolean", lambda row: False), {})
    test = _COMPARE[sign]
    return _Node(Term("boolean", lambda row: (held := value(row)) is not None and test(held, constant)), {})


def _safely(test: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    if left is None or right is None:
        return left is right if test is _COMPARE["eq"] else left is not right and test is _COMPARE["ne"]
    return test(left, right)


def _moment(milliseconds: int | None) -> datetime:
    return datetime.fromtimestamp((milliseconds or 0) // 1000, tz=UTC)


def _cut(text: str, start: Any, length: Any = None) -> str:
    begin = int(start)
    return text[begin:] if length is None else text[begin : begin + int(length)]


_WHEN = "datetime|datetimeoffset"
_FUNCTIONS: dict[str, tuple[tuple[str, ...], str, Callable[..., Any]]] = {
    "substringof": (("string", "string"), "boolean", lambda part, text: part.lower() in text.lower()),
    "startswith": (("string", "string"), "boolean", lambda text, part: text.startswith(part)),
    "endswith": (("string", "string"), "boolean", lambda text, part: text.endswith(part)),
    "length": (("string",), "number", lambda text: Decimal(len(text))),
    "indexof": (("string", "string"), "number", lambda text, part: Decimal(text.find(part))),
    "substring": (("string", "number", "number"), "string", _cut),
    "tolower": (("string",), "string", str.lower),
    "toupper": (("string",), "string", str.upper),
    "trim": (("string",), "string", str.strip),
    "concat": (("string", "string"), "string", lambda first, second: first + second),
    "year": ((_WHEN,), "number", lambda ms: Decimal(_moment(ms).year)),
    "month": ((_WHEN,), "number", lambda ms: Decimal(_moment(ms).month)),
    "day": ((_WHEN,), "number", lambda ms: Decimal(_moment(ms).day)),
    "hour": ((_WHEN,), "number", lambda ms: Decimal(_moment(ms).hour)),
    "minute": ((_WHEN,), "number", lambda ms: Decimal(_moment(ms).minute)),
    "second": ((_WHEN,), "number", lambda ms: Decimal(_moment(ms).second)),
}
