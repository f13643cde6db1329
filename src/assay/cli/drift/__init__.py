"""`assay drift`: systems that should hold the same records, compared whole, each difference with its cause."""

from __future__ import annotations

import click

from assay.cli.on_demand import OnDemand, TableGroup

__all__ = ["drift"]

# Name: (module, what the list of commands says of it). Imported when it runs, so that `--help` stays quick.
_COMMANDS = {
    "records": ("records", "Compare the records of pairs of systems, and say what differs and why."),
    "pairs": ("pairs", "List the pairs that are declared, and how each field is held."),
    "explain": ("explain", "Show one record as both sides hold it, and what is wrong with it."),
}


class _Group(TableGroup):
    table = _COMMANDS


@click.group(cls=_Group, commands=OnDemand("assay.cli.drift", _COMMANDS, named_as_module=True))
def drift() -> None:
    """Compare what systems hold, over whole populations, and explain each difference by its cause."""
