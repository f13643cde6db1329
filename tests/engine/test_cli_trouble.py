"""The command line in trouble: a reader that goes away, a folder that takes nothing, a mistake of our own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from assay.errors import InfrastructureError
from assay.store import open_store

ASSAY = Path(sys.executable).with_name("assay")


def test_a_reader_that_goes_away_changes_nothing(tmp_path: Path) -> None:
    """`assay … | head` ends with the command's own exit code, and nothing is said of a broken pipe."""
    child = subprocess.Popen([str(ASSAY), "status"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.close()
    _, told = child.communicate(timeout=60)
    assert (child.returncode, told) == (3, b"")  # 3: nothing is up


@pytest.mark.parametrize("command", [("clock", "freeze"), ("up",)])
def test_a_place_that_takes_no_file(tmp_path: Path, command: tuple[str, ...]) -> None:
    """A folder that cannot be made is named with what to do, exit 3; nobody is shown a traceback."""
    (tmp_path / ".assay").write_text("a file where a folder must be")
    done = subprocess.run([str(ASSAY), *command], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert str(tmp_path / ".assay") in done.stderr
    assert "do:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_whose_folder_cannot_be_made(tmp_path: Path) -> None:
    """It is trouble of infrastructure like any other of the store, so that a run goes on without it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(InfrastructureError, match="folder cannot be made") as refused:
        open_store(tmp_path / "file" / "store.sqlite")
    assert refused.value.where == str(tmp_path / "file")


def test_a_mistake_of_our_own_is_no_finding(tmp_path: Path) -> None:
    """An exception nobody foresaw is exit 3 with its traceback; exit 1 would be read as a finding."""
    code = "import assay.cli as command\ncommand.cli = lambda: 1 / 0\ncommand.main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert "ZeroDivisionError" in done.stderr
    assert "no finding" in done.stderr


def test_an_environment_of_the_shipped_profile(tmp_path: Path) -> None:
    """Where no assay.toml is, an unknown environment is not said to be missing in one."""
    done = subprocess.run(
        [str(ASSAY), "run", "--env", "lokal"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert f"{tmp_path} has no assay.toml" in done.stderr
    assert "did you mean 'local'?" in done.stderr


def test_a_choice_that_no_case_meets(tmp_path: Path) -> None:
    """Nothing is collected: exit 5, and what was asked for is repeated."""
    command = [str(ASSAY), "run", "F01", "-t", "money", "-k", "zzz"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 5
    assert "none is of F01 and has the tag money and holds 'zzz'" in done.stdout


def test_a_connector_that_exits_is_named(tmp_path: Path) -> None:
    """A connector that calls sys.exit(0) when imported is wrong use, with its line; never exit 0."""
    made = subprocess.run([str(ASSAY), "init", "--yes"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    connector = tmp_path / "connectors" / "my_shop.py"
    connector.write_text("import sys\nsys.exit(0)\n")
    done = subprocess.run([str(ASSAY), "explain", "A1"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "connectors/my_shop.py:2" in done.stderr
