"""`assay bundle`: what a machine without a registry needs."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli.shared import explained

_EXTRAS = ("java", "load")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--extra", "extras", multiple=True, metavar="NAME", help="Extras to bring; java and load by default.")
@click.option("--platform", "platforms", multiple=True, metavar="TAG", help="Of the far machine, as pip names it.")
@click.option("--python", "python", metavar="X.Y", help="The far machine's Python, such as 3.12.")
@explained
def bundle(folder: Path, extras: tuple[str, ...], platforms: tuple[str, ...], python: str | None) -> None:
    """Collect jar, wheels and documents in a FOLDER for a machine that reaches no registry.

    There, `sh install.sh` checks every file, makes an environment and installs without asking anybody.
    """
    from assay.local.bundle import collect

    def tell(text: str) -> None:
        click.echo(f"collecting  {text}")

    made = collect(folder, extras=extras or _EXTRAS, platforms=platforms, python=python, tell=tell)
    click.echo(f"{made.wheels} wheels, {made.size // 1_000_000} MB in {made.folder}; there: sh install.sh")
