"""Entity types, navigation and services of an OData V2 vendor, declared in a compact text and used everywhere else.

One property a line: ``SalesOrderType String(4)``, ``TotalNetAmount Decimal(16,3) ro unit=TransactionCurrency``.
Types: String, String(n), Decimal(p,s), DateTime(p), DateTimeOffset(p), Time(p), Boolean, Guid, Double, Byte, Int16,
Int32, Int64. Flags: ``key``, ``req`` (Nullable=false), ``ro`` (neither creatable nor updatable), ``noinsert``,
``noupdate``, ``etag`` (ConcurrencyMode Fixed), ``alpha`` (leading zeros of a number are padding and never shown),
``day`` (a DateTime whose time of day is dropped), ``unit=Property``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_TYPE = re.compile(r"^([A-Za-z0-9]+)(?:\((\d+)(?:,(\d+))?\))?$")
_KINDS = frozenset(
    "String Decimal DateTime DateTimeOffset Time Boolean Guid Double Byte Int16 Int32 Int64".split()  # noqa: SIM905
)
_FLAGS = frozenset({"key", "req", "ro", "noinsert", "noupdate", "etag", "alpha", "day"})
_BLANK: Mapping[str, Any] = {
    "String": "",
    "Boolean": False,
    "Byte": 0,
    "Int16": 0,
    "Int32": 0,
    "Int64": "0",
    "Double": "0",
}


@dataclass(frozen=True, slots=True)
class Property:
    """One property of an entity type; `kind` is the Edm type without its prefix."""

    name: str
    kind: str
    max_length: int | None = None
    precision: int | None = None
    scale: int | None = None
    is_key: bool = False
    nullable: bool = True
    creatable: bool = True
    updatable: bool = True
    is_etag: bool = False
    alpha: bool = False
    is_day: bool = False
    unit: str | None = None

    @property
    def blank(self) -> Any:
        """The value on the wire of a property nobody has set."""
        if self.kind == "Decimal":
            return "0" if self.unit or not self.scale else "0." + "0" * self.scale
        return _BLANK.get(self.kind)


def properties(declaration: str) -> tuple[Property, ...]:
    """Parse declarations, one property a line; raises `ValueError` naming the line it cannot read."""
    return tuple(_property(line) for line in declaration.splitlines() if line.strip())


def _property(line: str) -> Property:
    name, type_text, *words = line.split()
    match = _TYPE.match(type_text)
    if match is None or match[1] not in _KINDS:
        raise ValueError(f"{line.strip()!r}: unknown type {type_text!r}, known: {', '.join(sorted(_KINDS))}")
    units = [word.removeprefix("unit=") for word in words if word.startswith("unit=")]
    flags = {word for word in words if not word.startswith("unit=")}
    if unknown := flags - _FLAGS:
        raise ValueError(f"{line.strip()!r}: unknown flag {min(unknown)!r}, known: {', '.join(sorted(_FLAGS))}")
    kind, first, second = match[1], match[2], match[3]
    number = int(first) if first else None
    return Property(
        name,
        kind,
        max_length=number if kind == "String" else None,
        precision=number if kind != "String" else None,
        scale=int(second or 0) if kind == "Decimal" else None,
        is_key="key" in flags,
        nullable=not flags & {"key", "req"},
        creatable=not flags & {"ro", "noinsert"},
        updatable=not flags & {"ro", "noupdate"},
        is_etag="etag" in flags,
        alpha="alpha" in flags,
        is_day="day" in flags,
        unit=units[0] if units else None,
    )


@dataclass(frozen=True, slots=True)
class Navigation:
    """A way from one entity to others: target rows are those whose `on` values equal ours (ours, theirs).

    where: values the target rows must have besides, for two navigations into one set.
    """

    name: str
    target: str
    many: bool
    on: tuple[tuple[str, str], ...]
    where: tuple[tuple[str, Any], ...] = ()


def many(name: str, target: str, on: str, where: Mapping[str, Any] | None = None) -> Navigation:
    """Declare a navigation to a collection; `on` is ``"SalesOrder"`` or ``"Ours=Theirs, Same"``."""
    return Navigation(name, target, True, _pairs(on), tuple((where or {}).items()))


def one(name: str, target: str, on: str) -> Navigation:
    """Declare a navigation to at most one entity."""
    return Navigation(name, target, False, _pairs(on))


def _pairs(on: str) -> tuple[tuple[str, str], ...]:
    pairs = (part.strip().partition("=") for part in on.split(","))
    return tuple((ours, theirs or ours) for ours, _, theirs in pairs)


@dataclass(frozen=True, slots=True)
class EntitySet:
    """One entity set with its type; `operations` says which of ``create update delete`` the vendor allows."""

    name: str
    type_name: str
    properties: tuple[Property, ...]
    navigations: tuple[Navigation, ...] = ()
    operations: frozenset[str] = frozenset()
    indexes: tuple[tuple[str, ...], ...] = ()
    by_name: Mapping[str, Property] = field(init=False, default_factory=dict)
    keys: tuple[Property, ...] = field(init=False, default=())
    ways: Mapping[str, Navigation] = field(init=False, default_factory=dict)
    etag: Property | None = field(init=False, default=None)
    blank: Mapping[str, Any] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "by_name", {each.name: each for each in self.properties})
        put(self, "keys", tuple(each for each in self.properties if each.is_key))
        put(self, "ways", {each.name: each for each in self.navigations})
        put(self, "etag", next((each for each in self.properties if each.is_etag), None))
        put(self, "blank", {each.name: each.blank for each in self.properties})

    def row(self, **values: Any) -> dict[str, Any]:
        """Return a new row: blank but for the given wire values; raises `KeyError` for an undeclared property."""
        row = dict(self.blank)
        for name, value in values.items():
            if name not in row:
                raise KeyError(f"{self.name} declares no property {name}")
            row[name] = value
        return row

    def key_of(self, row: Mapping[str, Any]) -> str:
        """Return the storage key of a row: its key values joined by a tab."""
        if len(self.keys) == 1:
            return str(row[self.keys[0].name])
        return "\t".join(str(row[each.name]) for each in self.keys)


def entity_set(
    name: str,
    declaration: str,
    navigations: Sequence[Navigation] = (),
    *,
    operations: str = "",
    indexes: Sequence[str] = (),
    type_name: str | None = None,
) -> EntitySet:
    """Declare an entity set; `indexes` lists properties (comma for composites) that look-ups must not scan for."""
    columns = tuple(tuple(part.strip() for part in each.split(",")) for each in indexes)
    allowed = frozenset(operations.split())
    return EntitySet(name, type_name or f"{name}Type", properties(declaration), tuple(navigations), allowed, columns)


@dataclass(frozen=True, slots=True)
class Function:
    """A function import: POST or GET on its name, parameters in the query; returns a complex type or a list of it."""

    name: str
    method: str
    parameters: tuple[Property, ...]
    returns: str | None = None
    many: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """One service: its namespace, entity sets, complex types and function imports."""

    namespace: str
    sets: Mapping[str, EntitySet]
    functions: Mapping[str, Function] = field(default_factory=dict)
    complex_types: Mapping[str, tuple[Property, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        namespace: str,
        sets: Iterable[EntitySet],
        functions: Iterable[Function] = (),
        complex_types: Mapping[str, tuple[Property, ...]] | None = None,
    ) -> Model:
        """Return a model of these sets; raises `ValueError` for a navigation into a set that is not there."""
        by_name = {each.name: each for each in sets}
        for each in by_name.values():
            for way in each.navigations:
                if way.target not in by_name:
                    raise ValueError(f"{each.name}.{way.name}: no entity set {way.target} in {namespace}")
        return cls(namespace, by_name, {each.name: each for each in functions}, complex_types or {})
