"""The command line: every command of its list is there, and `assay test` is pytest on the project at hand."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from assay.cli import cli
from tests.conftest import run_assay, type_assay


def _listed() -> list[str]:
    done = type_assay("--help", cwd=Path.cwd())
    lines = done.stdout.partition("Commands:")[2].splitlines()
    return [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]


def test_help_lists_every_command() -> None:
    """What the list names is what can be called, the first steps first."""
    assert _listed() == list(cli.commands)
    assert _listed()[:4] == ["init", "demo", "run", "gate"]


@pytest.mark.parametrize("name", list(cli.commands))
def test_a_listed_command_is_there(name: str) -> None:
    """Each is imported under its own name and explains itself."""
    command = cli.commands[name]
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.help


def test_an_unknown_command_is_exit_2(tmp_path: Path) -> None:
    """A misspelt command ends as misuse and is named."""
    done = type_assay("gaet", cwd=tmp_path)
    assert done.returncode == 2
    assert "gaet" in done.stderr


@pytest.mark.parametrize(
    ("body", "code"),
    [pytest.param("assert True", 0, id="green"), pytest.param("assert False", 1, id="red", marks=pytest.mark.full)],
)
def test_assay_test_is_pytest(tmp_path: Path, body: str, code: int) -> None:
    """Tests of the folder are run, arguments go on, and the exit code is pytest's."""
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios/test_it.py").write_text(f"def test_one():\n    {body}\ndef test_two():\n    assert True\n")
    done = run_assay("test", "-k", "one", cwd=tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    assert "1 deselected" in done.stdout


def test_assay_test_in_an_empty_folder_is_exit_2(tmp_path: Path) -> None:
    """Where there is nothing to test that is said, and pytest is not asked."""
    done = type_assay("test", cwd=tmp_path)
    assert done.returncode == 2
    assert "nothing to test" in done.stderr
