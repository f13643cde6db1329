"""Reads pairs from `monitors/drift/*.toml`, the user's before the shipped ones; what is wrong is said with its place.

    [pairs.shop_erp_orders]
    about = "Every order of the shop stands in the ERP with the same money"
    window = "7d"                               # how far back
    grace = "15m"                               # how long an order may take to get there
    worth = "total"                             # what a missing one is worth
    dimensions = ["store", "payment"]           # what a common cause may be named by
    ignored = { note = "free text that nobody copies" }

    [pairs.shop_erp_orders.left]
    system = "merchant"
    source = { kind = "parquet", path = "exports/shop/*.parquet" }
    key = "number"
    placed = "placed_at"
    amounts = { currency_column = "currency" }  # unit = "major" where it writes 19.90
    rounding = "profile"                        # [policies.rounding] of assay.toml, or a table of its own

    [pairs.shop_erp_orders.right] …             # the same of the other system

    [pairs.shop_erp_orders.fields]
    total = { kind = "money", right = "TotalNetAmount", quantity = "units" }
    status = { kind = "status", statuses = { paid = "B", shipped = "C" } }

A pair that compares nothing must not look like one that finds nothing: whatever is misspelt, missing or for another
kind of field is a `UsageError` with file, place, and the nearest name.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from assay.drift.pairs.accepted import Accepted
from assay.drift.pairs.bounds import missing_column
from assay.drift.pairs.model import Amounts, Class, Field, Kind, Pair, Prices, Side
from assay.drift.pairs.tables import INNER, AcceptedTable, AmountsTable, FieldTable, FileTable, PairTable, SideTable
from assay.errors import UsageError, did_you_mean
from assay.rounding import Rounding

FOLDER = Path("monitors") / "drift"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_FOR: Mapping[str, tuple[Kind, ...]] = {
    **dict.fromkeys(("left_amounts", "right_amounts", "quantity", "lines", "rate", "part", "extras"), (Kind.MONEY,)),
    "statuses": (Kind.STATUS,),
    "skew": (Kind.INSTANT,),
    **dict.fromkeys(("scale", "below", "above"), (Kind.NUMBER,)),
    "members": (Kind.LINES,),
    "left_zone": (Kind.INSTANT, Kind.DATE),
    "right_zone": (Kind.INSTANT, Kind.DATE),
}


_WITH_FIELDS = (Class.DIFFERS, Class.UNREADABLE, Class.LATE)


@dataclass(frozen=True, slots=True)
class Declared:
    """All pairs by name, and what is accepted of them."""

    pairs: Mapping[str, Pair]
    accepted: Sequence[Accepted]

    def chosen(self, names: Sequence[str]) -> list[Pair]:
        """Return the pairs of these names, all where none is named; `UsageError` with the nearest for an unknown."""
        for name in names:
            if name not in self.pairs:
                raise UsageError(f"no pair '{name}'", where=str(FOLDER), hint=did_you_mean(name, self.pairs))
        return [self.pairs[name] for name in dict.fromkeys(names or self.pairs)]


def pair_files(roots: Sequence[Path]) -> list[Path]:
    """Return the files pairs stand in; one of the first root hides one of the same name further on."""
    files: dict[str, Path] = {}
    for root in roots:
        for path in sorted((root / FOLDER).glob("*.toml")):
            if not path.name.startswith(("_", ".")):
                files.setdefault(path.name, path.resolve())
    return list(files.values())


def read_pairs(files: Sequence[Path], *, rounding: Rounding | None = None) -> Declared:
    """Return the pairs of these files. rounding: what `rounding = "profile"` means, None where it declares none.

    A pair of one folder hides one of the same name of a folder further on.
    `UsageError` for the first thing that is wrong, with file and place.
    """
    pairs: dict[str, Pair] = {}
    listed: list[tuple[AcceptedTable, str]] = []
    for path in files:
        content = _content(path)
        for name, table in content.pairs.items():
            if name in pairs and Path(pairs[name].declared_in).parent != path.parent:
                continue  # a pair of the suite before hides it
            if name in pairs:
                raise UsageError(
                    f"two pairs are called '{name}'",
                    where=f"{pairs[name].declared_in} and {path}",
                    hint="rename one of them",
                )
            pairs[name] = _pair(name, table, path, rounding)
        listed += [(each, f"{path}: accepted {number}") for number, each in enumerate(content.accepted, 1)]
    return Declared(pairs, tuple(_accepted(table, where, pairs) for table, where in listed))


def _content(path: Path) -> FileTable:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError("a file of pairs is no TOML", where=str(path), seen=str(error)) from None
    except RecursionError:
        raise UsageError("tables or lists stand too deep in one another", where=str(path)) from None
    except OSError as error:
        raise UsageError(f"a file of pairs cannot be read: {error.strerror}", where=str(path)) from None
    try:
        return FileTable.model_validate(raw)
    except ValidationError as error:
        raise _explained(error, path) from None


def _pair(name: str, table: PairTable, path: Path, rounding: Rounding | None) -> Pair:
    place = f"{path}: pairs.{name}"
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"a pair cannot be called {name[:80]!r}",
            where=str(path),
            expected="a-z, 0-9 and _, a letter first, at most 64",
            hint="it stands in metrics and alerts: call it for instance shop_erp_orders",
        )
    policies = {side: _policy(each, f"{place}.{side}", rounding) for side, each in _sides(table).items()}
    for side, each in _sides(table).items():
        _refuse_side(each, f"{place}.{side}")
    if len(table.left.key) != len(table.right.key):
        raise UsageError(
            "the keys of the two sides have different numbers of columns",
            where=f"{place}.right.key",
            expected=f"{len(table.left.key)}, as on the left: {', '.join(table.left.key)}",
            seen=", ".join(table.right.key),
        )
    if table.window is not None and table.grace is not None and table.grace >= table.window:
        raise UsageError(
            "all of the window would be in flight", where=f"{place}.grace", hint="a window is longer than its grace"
        )
    if table.window is not None and (table.left.placed is None or table.right.placed is None):
        side = "left" if table.left.placed is None else "right"
        raise UsageError(
            "a window is cut by the instant a record is from, and this side names no column with it",
            where=f"{place}.{side}.placed",
            hint="name the column, or take window out and compare everything",
        )
    fields = tuple(_field(key, each, table, policies, f"{place}.fields.{key}") for key, each in table.fields.items())
    _refuse_around(table, fields, place)
    return Pair(
        name=name,
        about=table.about,
        left=_side(table.left),
        right=_side(table.right),
        fields=fields,
        window=_span(table.window),
        grace=_span(table.grace) or timedelta(),
        dimensions=table.dimensions,
        worth=table.worth,
        ignored=table.ignored,
        may_lack=table.may_lack,
        declared_in=str(path),
        prices=None if table.prices is None else Prices(**table.prices.model_dump()),
    )


def _sides(table: PairTable) -> dict[str, SideTable]:
    return {"left": table.left, "right": table.right}


def _side(table: SideTable) -> Side:
    return Side(
        system=table.system,
        source=table.source,
        key=table.key,
        placed=table.placed,
        changed=table.changed,
        only=table.only,
        valid=table.valid,
        query=table.query,
        zone=table.zone or "UTC",
    )


def _refuse_side(table: SideTable, place: str) -> None:
    if len(set(table.key)) != len(table.key):
        raise UsageError("a column stands twice in the key", where=f"{place}.key", seen=", ".join(table.key))
    if not isinstance(table.source.get("kind"), str):
        raise UsageError(
            "a source has a kind",
            where=f"{place}.source",
            seen=", ".join(table.source) or "nothing",
            hint='write for example source = { kind = "parquet", path = "exports/*.parquet" }',
        )


def _policy(table: SideTable, place: str, profile: Rounding | None) -> Rounding | None:
    if table.rounding == "profile":
        if profile is None:
            raise UsageError(
                "the profile does not say how the shop rounds",
                where=f"{place}.rounding",
                hint="add [policies.rounding] to assay.toml, or assay calibrate rounding --write",
            )
        return profile
    return None if table.rounding is None else table.rounding.policy()


def _field(name: str, table: FieldTable, pair: PairTable, policies: Mapping[str, Rounding | None], place: str) -> Field:
    for key in table.model_fields_set & _FOR.keys():
        if table.kind not in _FOR[key]:
            kinds = " or ".join(each.value for each in _FOR[key])
            raise UsageError(
                f"'{key}' is for fields of kind {kinds}",
                where=f"{place}.{key}",
                seen=f"kind = '{table.kind.value}'",
                hint="take it out, or change the kind",
            )
    _refuse_empty(table, place)
    money = table.kind is Kind.MONEY
    amounts = {
        side: _amounts(getattr(table, f"{side}_amounts") or each.amounts, policies[side], place, side)
        for side, each in _sides(pair).items()
        if money
    }
    made = Field(
        name=name,
        kind=table.kind,
        left=table.left or name,
        right=table.right or name,
        left_amounts=amounts.get("left"),
        right_amounts=amounts.get("right"),
        quantity=table.quantity,
        lines=table.lines,
        rate=table.rate,
        statuses=table.statuses or {},
        skew=_span(table.skew) or timedelta(),
        scale=table.scale,
        below=table.below,
        above=table.above,
        members=table.members or (),
        left_zone=table.left_zone or pair.left.zone or "UTC",
        right_zone=table.right_zone or pair.right.zone or "UTC",
        part=table.part or "total",
        extras=("shipping", "discount") if table.extras is None else table.extras,
    )
    if money:
        _refuse_money(made, place)
    return made


def _refuse_empty(table: FieldTable, place: str) -> None:
    if table.kind is Kind.STATUS and not table.statuses:
        raise UsageError(
            "a status needs its map",
            where=f"{place}.statuses",
            expected="every word of the left with the right's word for it",
            hint='write statuses = { paid = "B", shipped = "C" }; a word that is not in it is a finding',
        )
    if table.kind is Kind.LINES and not table.members:
        raise UsageError(
            "lines need their members", where=f"{place}.members", hint='write members = ["sku", "quantity:number"]'
        )


def _amounts(table: AmountsTable | None, policy: Rounding | None, place: str, side: str) -> Amounts:
    said = table or AmountsTable()
    if (said.currency is None) == (said.currency_column is None):
        raise UsageError(
            f"the {side} side does not say in which currency its amounts are"
            if said.currency is None
            else f"the {side} side has two currencies: a fixed one and a column",
            where=f"{place}.{side}_amounts",
            expected='amounts = { currency_column = "currency" }, or { currency = "EUR" }, on the side or here',
        )
    return Amounts(unit=said.unit, currency_column=said.currency_column, currency=said.currency, rounding=policy)


def _refuse_money(field: Field, place: str) -> None:
    assert field.left_amounts is not None and field.right_amounts is not None  # of every field of money
    fixed = field.left_amounts.currency, field.right_amounts.currency
    if None not in fixed and fixed[0] != fixed[1] and field.rate is None:
        raise UsageError(
            f"amounts in {fixed[0]} and {fixed[1]} are never equal",
            where=place,
            hint='name the column of the left with the order\'s rate: rate = "rate"',
        )
    lacking = missing_column(field)
    if lacking is not None:
        raise UsageError(
            f"what these two ways of rounding lose grows with the {'units' if lacking == 'quantity' else 'lines'}"
            " of an order, and no column says how many it has",
            where=f"{place}.{lacking}",
            expected=f'the left\'s column: {lacking} = "…"' + (", or quantity" if lacking == "lines" else ""),
            seen=f"left: {field.left_amounts.rounding}; right: {field.right_amounts.rounding}",
        )


def _refuse_around(table: PairTable, fields: Sequence[Field], place: str) -> None:
    names = [each.name for each in fields]
    if table.worth is not None:
        money = [each.name for each in fields if each.kind is Kind.MONEY]
        if table.worth not in money:
            raise UsageError(
                f"worth names no field of kind money: '{table.worth}'",
                where=f"{place}.worth",
                hint=did_you_mean(table.worth, money) if money else "add one, or take worth out",
            )
    compared = {column for each in fields for column in (each.left, each.right, each.name)}
    for column in table.ignored:
        if column in compared or column in (*table.left.key, *table.right.key):
            raise UsageError(
                f"'{column}' is both compared and ignored", where=f"{place}.ignored", seen=f"fields: {', '.join(names)}"
            )


def _accepted(table: AcceptedTable, where: str, pairs: Mapping[str, Pair]) -> Accepted:
    pair = pairs.get(table.pair)
    if pair is None:
        raise UsageError(f"no pair '{table.pair}'", where=f"{where}.pair", hint=did_you_mean(table.pair, pairs))
    if table.field is not None and table.field not in {each.name for each in pair.fields}:
        hint = did_you_mean(table.field, [each.name for each in pair.fields])
        raise UsageError(f"pair '{pair.name}' has no field '{table.field}'", where=f"{where}.field", hint=hint)
    if table.field is not None and table.classed not in (None, *_WITH_FIELDS):
        raise UsageError(
            f"a record that is {table.classed.value} has no field that differs",
            where=f"{where}.field",
            seen=f"class = '{table.classed.value}'",
            hint="take field out, or class",
        )
    if table.key is not None and len(table.key) != len(pair.left.key):
        raise UsageError(
            "the key has another number of columns than the pair's",
            where=f"{where}.key",
            expected=", ".join(pair.left.key),
            seen=", ".join(table.key),
        )
    return Accepted(
        pair=table.pair,
        owner=table.owner,
        reason=" ".join(table.reason.split()),
        until=table.until,
        key=table.key,
        field=table.field,
        classed=table.classed,
        cause=table.cause,
        where=where,
    )


def _span(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _explained(error: ValidationError, path: Path) -> UsageError:
    # A misspelt key is why another one is missing: say it first.
    problem = min(error.errors(), key=lambda each: _ORDER.get(each["type"], 1))
    keys = [part + 1 if isinstance(part, int) else part for part in problem["loc"] if not _is_choice(part)]
    where = f"{path}: " + (".".join(map(str, keys)) or "top level")
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    last = str(keys[-1]) if keys else ""
    if problem["type"] == "extra_forbidden":
        return UsageError(f"unknown key '{last}'{more}", where=where, hint=did_you_mean(last, _known(keys[:-1])))
    if problem["type"] == "missing":
        return UsageError(f"'{last}' is missing{more}", where=where, hint=_HOW.get(last, f"add a line {last} = …"))
    message = _SAID.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
    seen = None if problem["type"] == "value_error" else repr(problem["input"])[:120]
    expected = str(problem.get("ctx", {}).get("expected", ""))
    near = did_you_mean(problem["input"], re.findall(r"'([^']+)'", expected)) if _is_word(problem, expected) else None
    return UsageError(f"{message}{more}", where=where, seen=seen, hint=near)


def _is_choice(part: str | int) -> bool:
    """Whether this part of a place is pydantic's name for one of two forms, and no key of the file."""
    return str(part).startswith(("function-after[", "literal["))


def _is_word(problem: Any, expected: str) -> bool:
    return problem["type"] in ("enum", "literal_error") and isinstance(problem["input"], str) and bool(expected)


def _known(keys: Sequence[str | int]) -> list[str]:
    """Return the keys of the table that stands at a place; what follows `pairs` and `fields` is a name."""
    tables: list[type[BaseModel]] = [FileTable]
    named = False
    for each in keys:
        if not named and str(each) in INNER:
            tables.append(INNER[str(each)])
        named = not named and each in ("pairs", "fields")
    return [field.alias or name for name, field in tables[-1].model_fields.items()]


_ORDER = {"extra_forbidden": 0, "model_type": 2}
_SAID = {
    "tuple_type": 'that is no list: write ["…"]',
    "dict_type": "that is no table: write [table] above its keys, or { key = … }",
    "model_type": "that is no table: write [table] above its keys, or { key = … }",
    "string_type": 'that is no text: write "…"',
}
_HOW = {
    "owner": 'say who decided: owner = "finance"',
    "reason": 'say why it may differ: reason = "…"',
    "until": "say until when: until = 2026-12-31; nothing is accepted for ever",
    "kind": "one of " + ", ".join(each.value for each in Kind),
    "key": 'name the column that says which record it is: key = "number"',
}
