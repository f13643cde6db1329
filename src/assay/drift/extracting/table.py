"""Records of a listing as rows: the declared columns, what is personal left out or hashed, misfits named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from assay.drift.extracting.hashing import hashed
from assay.drift.extracting.listings import COPY, Column, Listing
from assay.drift.pairs.sources.landing import Faults
from assay.drift.pairs.sources.options import ListingOptions
from assay.errors import UsageError, did_you_mean

ORDER = "_read"
"""The column of raw rows that says which was read later; it is not landed."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns that are landed of a listing. key: of those that are hashed."""

    listing: Listing
    columns: tuple[Column, ...]
    hashed: frozenset[str]
    key: bytes

    @property
    def schema(self) -> pa.Schema:
        """The schema of raw rows."""
        return pa.schema([*((each.name, each.type) for each in self.columns), (ORDER, pa.int64())])

    def table(self, keyed: Sequence[tuple[tuple[str, ...], Any]], first: int, faults: Faults) -> pa.Table:
        """Return records with their keys as a table, numbered from `first` on; one that does not fit is named."""
        try:
            return self._table(keyed, first)
        except (pa.ArrowException, OverflowError, UnicodeError, TypeError, ValueError):
            pass
        fitting = []
        for key, record in keyed:
            try:
                self._table([(key, record)], first)
            except (pa.ArrowException, OverflowError, UnicodeError, TypeError, ValueError):
                name = " ".join(key).encode("ascii", "backslashreplace").decode()[:120]
                faults.add(f"{self.listing.name} {name}: '{self._misfit(key, record)}' fits no column of its type")
            else:
                fitting.append((key, record))
        return self._table(fitting, first)

    def _table(self, keyed: Sequence[tuple[tuple[str, ...], Any]], first: int) -> pa.Table:
        arrays = [pa.array(self._values(each, keyed), each.type) for each in self.columns]
        numbers = pa.array(range(first, first + len(keyed)), pa.int64())
        return pa.Table.from_arrays([*arrays, numbers], schema=self.schema)

    def _values(self, column: Column, keyed: Sequence[tuple[tuple[str, ...], Any]]) -> list[Any]:
        if column.name == COPY:
            return [int(key[-1]) for key, _ in keyed]
        values = [column.of(record) for _, record in keyed]
        if column.name not in self.hashed:
            return values
        return [None if value is None else hashed(str(value), self.key) for value in values]

    def _misfit(self, key: tuple[str, ...], record: Any) -> str:
        for column in self.columns:
            try:
                pa.array(self._values(column, [(key, record)]), column.type)
            except (pa.ArrowException, OverflowError, UnicodeError, TypeError, ValueError):
                return column.name
        return "?"


def shape_of(listing: Listing, options: ListingOptions, key: bytes) -> Shape:
    """Return the columns that are landed; `UsageError` for a name that is none of the listing's, or stands twice."""
    names = {each.name: each for each in listing.columns}
    for name in (*options.hashed, *options.plain):
        if name not in names:
            raise UsageError(
                f"the listing '{listing.name}' has no column '{name}'",
                expected=", ".join(names),
                hint=did_you_mean(name, names),
            )
        if not names[name].type.equals(pa.string()) and name in options.hashed:
            raise UsageError(f"'{name}' is no text, and only texts are hashed", hint="take it out of hashed")
        if name in listing.key and name in options.hashed:
            raise UsageError(f"'{name}' is what tells the records of '{listing.name}' apart, and is not hashed")
    both = set(options.hashed) & set(options.plain)
    if both:
        raise UsageError(f"'{min(both)}' is both hashed and plain", hint="take it out of one")
    shown = {*options.hashed, *options.plain}
    columns = tuple(each for each in listing.columns if not each.personal or each.name in shown)
    return Shape(listing, columns, frozenset(options.hashed), key)
