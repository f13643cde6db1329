"""Commands by name, each imported when it is asked for, so that `--help` stays quick."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import ClassVar

import click

Table = Mapping[str, tuple[str, str]]
"""Name: (module, what the list of commands says of it)."""


class OnDemand(MutableMapping[str, click.Command]):
    """The commands of a table, each imported from its module in a package when it is asked for."""

    def __init__(self, package: str, table: Table, *, named_as_module: bool = False) -> None:
        """named_as_module: the function is called as its module, else as the command."""
        self._package = package
        self._table = table
        self._named_as_module = named_as_module
        self._added: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._added:
            module = self._table[name][0]
            function = module if self._named_as_module else name
            command: click.Command = getattr(importlib.import_module(f"{self._package}.{module}"), function)
            self._added[name] = command
        return self._added[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._added[name] = command

    def __delitem__(self, name: str) -> None:
        del self._added[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._table, *self._added]))

    def __len__(self) -> int:
        return len(list(iter(self)))


class TableGroup(click.Group):
    """A group whose own help needs none of its commands."""

    table: ClassVar[Table]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which somebody new needs them."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in self.table.items()])
