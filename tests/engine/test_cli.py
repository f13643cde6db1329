"""The command line without a landscape: help, exit codes, JSON, colours, and errors that say what to do."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest

from assay import __version__
from assay.cli import cli
from tests.conftest import ASSAY, Assay, Project, type_assay

ROOT = Path(__file__).parents[2]


def _all(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name, command in group.commands.items():
        found.append(((*path, name), command))
        if isinstance(command, click.Group):
            found += _all(command, (*path, name))
    return found


COMMANDS = _all(cli)


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(path) for path, _ in COMMANDS])
def test_every_command_explains_itself(path: tuple[str, ...], command: click.Command) -> None:
    """Each command says in a sentence what it does, and each of its options has a help text."""
    assert (command.help or "").strip().split("\n")[0].endswith("."), path
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{path} {option.name}"


def test_version_and_help(assay: Assay) -> None:
    """--version prints the version; -h prints every command and the exit codes."""
    assert assay("--version").stdout.strip().endswith(__version__)
    told = assay("-h")
    assert told.returncode == 0
    assert all(name in told.stdout for name in cli.commands)
    assert "2 wrong use or configuration" in " ".join(told.stdout.split())


@pytest.mark.parametrize("arguments", [(), ("upp",), ("up", "--envv", "x"), ("clock",), ("clock", "advance")])
def test_wrong_use_is_exit_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """A command, option or argument that is missing or unknown ends with 2 and a hint, without a traceback."""
    done = type_assay(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "Usage" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_a_wrong_key_is_exit_2(project: Project) -> None:
    """A misspelt key of the profile ends every command with 2, naming file, place and the nearest key."""
    project.change('role = "payments"', 'rolle = "payments"')
    for arguments in (("profile", "check"), ("up",), ("status",), ("doctor",), ("clock", "show"), ("down",)):
        done = project.type(*arguments)
        assert done.returncode == 2, arguments
        assert done.stdout == ""
        assert "unknown key 'rolle'" in done.stderr
        assert f"{project.profile}: systems.stripe.rolle" in done.stderr
        assert "did you mean 'role'?" in done.stderr
        assert "Traceback" not in done.stderr


def test_an_unknown_environment_is_exit_2(project: Project) -> None:
    """An environment the profile does not have is refused with the nearest one."""
    for command in ("up", "status", "down", "doctor"):
        done = project.type(command, "--env", "lokal")
        assert done.returncode == 2
        assert "no environment 'lokal'" in done.stderr
        assert "did you mean 'local'?" in done.stderr


def test_a_profile_that_is_not_there_is_exit_2(project: Project) -> None:
    """--profile names a file that must exist."""
    done = project.type("profile", "check", "--profile", "other.toml")
    assert done.returncode == 2
    assert "other.toml" in done.stderr


def test_the_profile_is_found_above(project: Project) -> None:
    """A command in a folder below the project uses the project's profile."""
    below = project.path / "a" / "b"
    below.mkdir(parents=True)
    assert json.loads(type_assay("profile", "check", "--json", cwd=below).stdout)["name"] == "small shop"


def test_without_a_profile_the_shipped_one_is_used(tmp_path: Path) -> None:
    """Where no assay.toml is, the reference shop's is used, and nothing is written by reading."""
    assert json.loads(type_assay("profile", "check", "--json", cwd=tmp_path).stdout)["name"] == "reference shop"
    assert list(tmp_path.iterdir()) == []


def test_profile_check(project: Project) -> None:
    """A whole profile is summed up: each environment with its systems and their modes."""
    done = project.type("profile", "check")
    assert done.returncode == 0
    assert "local" in done.stdout
    assert "stripe simulated, ecb simulated" in done.stdout


def test_profile_check_hides_nothing_and_tells_no_secret(project: Project) -> None:
    """The profile as JSON names where secrets come from and not what they are."""
    done = project.type("profile", "check", "--json", env={"STRIPE_API_KEY": "sk_live_geheim"})
    assert json.loads(done.stdout)["environments"]["local"]["systems"]["stripe"]["credentials"]["api_key"]
    assert "geheim" not in done.stdout + done.stderr


def test_profile_schema_is_json(tmp_path: Path) -> None:
    """The JSON Schema for editors is printed whole."""
    assert json.loads(type_assay("profile", "schema", cwd=tmp_path).stdout)["title"] == "assay.toml"


def test_status_of_what_never_ran(project: Project) -> None:
    """Before the first `up`, status says so of every process and ends with 3; `down` and `logs` find nothing to do."""
    done = project.type("status")
    assert done.returncode == 3
    assert done.stdout.count("never started") == 3
    told = json.loads(project.type("status", "--json").stdout)
    assert told["healthy"] is False
    assert {part["name"] for part in told["parts"]} == {"edge", "simulators", "keeper"}
    down = project.type("down")
    assert (down.returncode, down.stdout) == (0, "0 processes stopped\n")
    assert project.type("logs").stdout.count("never started") == 3


def test_logs_of_an_unknown_part(project: Project) -> None:
    """Asking for the log of a process nobody knows names the nearest one."""
    done = project.type("logs", "simulator")
    assert done.returncode == 2
    assert "did you mean 'simulators'?" in done.stderr


def test_clock_without_a_landscape(project: Project) -> None:
    """The clock can be read, set and frozen before anything runs; the past is refused."""
    shown = json.loads(project.type("clock", "freeze", "--json").stdout)
    assert shown["mode"] == "frozen"
    moved = json.loads(project.type("clock", "set", "2036-12-24T18:00Z", "--json").stdout)
    assert moved == {"now": "2036-12-24T18:00:00+00:00", "mode": "frozen"}
    assert project.type("clock", "show").stdout == "2036-12-24T18:00:00+00:00 (frozen)\n"
    assert project.type("clock", "advance", "25h").stdout == "2036-12-25T19:00:00+00:00 (frozen)\n"
    assert "(real)" in project.type("clock", "real").stdout
    back = project.type("clock", "set", "2026-01-01")
    assert back.returncode == 2
    assert "never goes backwards" in back.stderr


@pytest.mark.parametrize("arguments", [("set", "tomorrow"), ("advance", "a while"), ("advance", "9999999999999w")])
def test_clock_bad_input(project: Project, arguments: tuple[str, ...]) -> None:
    """What is no instant and no span is refused with an example of one."""
    done = project.type("clock", *arguments)
    assert done.returncode == 2
    assert "expected:" in done.stderr
    assert "Traceback" not in done.stderr


def test_defects_without_a_merchant(project: Project) -> None:
    """Switching defects needs the merchant: where none is up, exit 3 says how to get one."""
    done = project.type("defects", "list")
    assert done.returncode == 3
    assert "assay up" in done.stderr


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}])
def test_no_colours_into_a_pipe(project: Project, env: dict[str, str]) -> None:
    """Into a pipe, and wherever NO_COLOR is set, no escape sequence is written, in errors neither."""
    for arguments in (("doctor",), ("up", "--env", "x")):
        done = project.assay(*arguments, env=env)
        assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is POSIX")
@pytest.mark.parametrize(("env", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)])
def test_colours_in_a_terminal(project: Project, env: dict[str, str], coloured: bool) -> None:
    """In a terminal states are coloured, unless NO_COLOR is set and not empty."""
    ours, theirs = pty.openpty()
    command = [str(ASSAY), "status"]
    child = subprocess.Popen(command, cwd=project.path, env={**os.environ, "TERM": "xterm", **env}, stdout=theirs)
    assert child.wait(30) == 3
    os.close(theirs)
    shown = os.read(ours, 65536)
    os.close(ours)
    assert b"never started" in shown
    assert (b"\x1b[" in shown) is coloured
