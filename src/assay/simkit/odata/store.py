"""Rows of entity sets in a simulator's tables, with indexes kept beside them so that look-ups need no scan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from assay.simkit.documents import Table
from assay.simkit.odata.edm import EntitySet, Model, Navigation
from assay.simkit.world import World

Row = dict[str, Any]


class EntityStore:
    """The rows of several services; every change is part of the world's transaction."""

    def __init__(self, world: World, models: Sequence[Model]) -> None:
        self._tables: dict[str, Table] = {}
        self._indexes: dict[str, list[tuple[tuple[str, ...], Table]]] = {}
        for model in models:
            for entity in model.sets.values():
                self._tables[entity.name] = world.table(entity.name)
                wanted = dict.fromkeys([*entity.indexes, *_needed(model, entity)])
                self._indexes[entity.name] = [
                    (columns, world.table(f"{entity.name}:{','.join(columns)}")) for columns in wanted
                ]

    def get(self, entity: EntitySet, key: Mapping[str, Any]) -> Row | None:
        """Return the row with these key values, or None."""
        row: Row | None = self._tables[entity.name].get(entity.key_of(key))
        return row

    def rows(self, entity: EntitySet) -> Iterator[Row]:
        """Return every row of a set, oldest first."""
        return iter(self._tables[entity.name].values())

    def count(self, entity: EntitySet) -> int:
        """Return how many rows a set holds."""
        return len(self._tables[entity.name])

    def put(self, entity: EntitySet, row: Row) -> Row:
        """Store a new row or the next version of one; a row once stored is never changed in place."""
        key = entity.key_of(row)
        table = self._tables[entity.name]
        old = table.get(key)
        for columns, index in self._indexes[entity.name]:
            value = _joined(row, columns)
            if old is not None:
                before = _joined(old, columns)
                if before == value:
                    continue
                _drop(index, before, key)
            index[value] = [*index.get(value, ()), key]
        table[key] = row
        return row

    def remove(self, entity: EntitySet, row: Row) -> None:
        """Forget a row."""
        key = entity.key_of(row)
        for columns, index in self._indexes[entity.name]:
            _drop(index, _joined(row, columns), key)
        del self._tables[entity.name][key]

    def find(self, entity: EntitySet, equal: Mapping[str, Any]) -> Iterable[Row]:
        """Return rows that may hold these values: by key or index where one fits, else all of them."""
        table = self._tables[entity.name]
        if all(each.name in equal for each in entity.keys):
            row = table.get(entity.key_of(equal))
            return () if row is None else (row,)
        for columns, index in self._indexes[entity.name]:
            if all(name in equal for name in columns):
                return [table[key] for key in index.get(_joined(equal, columns), ())]
        return table.values()

    def related(self, model: Model, way: Navigation, row: Row) -> list[Row]:
        """Return the rows a navigation leads to from this row."""
        equal = {theirs: row[ours] for ours, theirs in way.on}
        equal.update(way.where)
        found = self.find(model.sets[way.target], equal)
        return [each for each in found if all(each[name] == value for name, value in equal.items())]


def _needed(model: Model, entity: EntitySet) -> Iterator[tuple[str, ...]]:
    """Yield the columns by which navigations of the model look rows of this set up."""
    keys = {each.name for each in entity.keys}
    for source in model.sets.values():
        for way in source.navigations:
            columns = tuple(theirs for _, theirs in way.on)
            if way.target == entity.name and not keys <= set(columns):
                yield columns


def _joined(row: Mapping[str, Any], columns: tuple[str, ...]) -> str:
    return str(row[columns[0]]) if len(columns) == 1 else "\t".join(str(row[name]) for name in columns)


def _drop(index: Table, value: str, key: str) -> None:
    rest = [each for each in index.get(value, ()) if each != key]
    if rest:
        index[value] = rest
    else:
        index.pop(value, None)
