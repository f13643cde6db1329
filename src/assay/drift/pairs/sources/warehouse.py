"""Rows that stand in an engine elsewhere: compared there (`assay.drift.pairs.elsewhere`), and never read here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from assay.drift.pairs.sources.options import WarehouseOptions
from assay.errors import UsageError

if TYPE_CHECKING:
    import duckdb


class WarehouseRows:
    """A table or a query of the engine that `--on` names."""

    unread: Sequence[str] = ()

    def __init__(self, system: str, options: WarehouseOptions) -> None:
        self.system, self.options = system, options

    def relation(self, named: Callable[[str], str]) -> str:
        """Return what stands after FROM there; named: how that engine writes a name."""
        if self.options.table is not None:
            return ".".join(named(part) for part in self.options.table.split("."))
        return self.options.relation()

    def attach(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """Refuse: nobody said which engine it is."""
        raise UsageError(
            f"the rows of {self.system} stand in a warehouse, and are compared there",
            where=self.options.table or "query",
            expected="assay drift records PAIR --on ADDRESS",
            hint="docs/warehouses.md says which engines can do it",
        )
