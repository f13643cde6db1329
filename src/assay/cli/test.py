"""`assay test`: the project's own tests and scenarios, without make."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import click

from assay.cli.shared import explained
from assay.errors import UsageError

_FOLDERS = ("tests", "scenarios")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST ARGUMENT]...")
@explained
def test(arguments: tuple[str, ...]) -> None:
    """Run the tests and scenarios of the project in this folder with pytest, and end with pytest's exit code.

    In a checkout of Assay it is what `make test` runs once everything is installed. Arguments go to pytest as they
    are: `assay test -k money -x`.
    """
    if importlib.util.find_spec("pytest") is None:
        raise UsageError("pytest is not installed", hint="pip install pytest, in a checkout: pip install -e '.[test]'")
    here = Path.cwd()
    folders = [folder for folder in _FOLDERS if (here / folder).is_dir()]
    if not folders:
        raise UsageError("there is nothing to test here", where=str(here), expected="a folder tests or scenarios")
    chosen = [each for each in arguments if (here / each.partition("::")[0]).exists()]
    command = [sys.executable, "-m", "pytest", *arguments, *([] if chosen else folders)]
    if (here / "src" / "assay").is_dir():
        command += [*_side_by_side(), *([] if "-m" in arguments else ["-m", "not full"])]
    sys.exit(subprocess.run(command, check=False).returncode)


def _side_by_side() -> list[str]:
    return ["-n", "2", "--dist", "loadgroup"] if importlib.util.find_spec("xdist") is not None else []
