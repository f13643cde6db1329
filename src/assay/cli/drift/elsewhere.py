"""`assay drift records --on ADDRESS`: the engine that compares instead of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.cli.drift.declared import Pairs
    from assay.drift.pairs.elsewhere.comparing import Elsewhere

on_option = click.option(
    "--on",
    "address",
    metavar="ADDRESS",
    help="Compare on an engine elsewhere, such as pyspark://local[2] or env:NAME: see docs/warehouses.md.",
)


def elsewhere_of(address: str | None, project: Pairs, **again: bool) -> Elsewhere | None:
    """Return the engine at an address, which is let go when the command ends; None where nobody named one."""
    if address is None:
        return None
    asked = [f"--{name}" for name, value in again.items() if value]
    if asked:
        raise UsageError(
            f"an engine elsewhere compares everything at once, and {', '.join(asked)} asks for less or for more",
            where="--on",
            hint=f"leave {', '.join(asked)} out, or compare here",
        )
    from assay.drift.pairs.elsewhere.comparing import Elsewhere
    from assay.drift.pairs.elsewhere.engines import engine_of

    engine = engine_of(address, project.folder)
    click.get_current_context().call_on_close(engine.close)
    return Elsewhere(engine)
