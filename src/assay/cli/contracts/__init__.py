"""`assay contracts`: what vendors document, held against stand-ins, traffic, stubs and the document's next version."""

from __future__ import annotations

import importlib

import click

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


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"assay.cli.contracts.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, _COMMANDS[cmd_name][0])
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in _COMMANDS.items()])


@click.group(cls=_Group)
def contracts() -> None:
    """Hold stand-ins, traffic, live answers and stubs against what the vendors document."""
