"""`assay contracts`: what vendors document, held against stand-ins, traffic, stubs and the document's next version."""

from __future__ import annotations

import click

from assay.cli.on_demand import OnDemand, TableGroup

__all__ = ["contracts"]

# Name: (module, what the list of commands says of it). Imported when it runs, so that `--help` stays quick.
_COMMANDS = {
    "list": ("listing", "List every document, its format, operations and faults."),
    "pull": ("pull", "Fetch the vendors' documents to this machine, by pinned checksum."),
    "compare": ("compare", "Hold contract.yaml against the vendor's whole document."),
    "check": ("check", "Send generated requests to a simulator or sandbox and judge its answers."),
    "traffic": ("traffic", "Hold what was said and sent against the documents."),
    "watch": ("watch", "Show what live answers were learned to be, and what has changed."),
    "diff": ("diff", "Say what a document's next version breaks of what you use."),
    "stubs": ("stubs", "Hold recorded and written stubs against the documents."),
    "refresh": ("refresh", "Compare recorded stubs with the sandbox again."),
}


class _Group(TableGroup):
    table = _COMMANDS


@click.group(cls=_Group, commands=OnDemand("assay.cli.contracts", _COMMANDS, named_as_module=True))
def contracts() -> None:
    """Hold stand-ins, traffic, live answers and stubs against what the vendors document."""
