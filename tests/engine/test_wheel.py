"""The wheel stands alone: installed elsewhere it makes a project and decides over it, with nothing of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_OF_OURS = ("PYTHONPATH", "VIRTUAL_ENV", "ASSAY_CAPTURE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    done = subprocess.run([*build, str(ROOT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An environment of its own that has the wheel, and the libraries it needs from this one."""
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # A line of a .pth file adds a folder without running the .pth files in it, so the editable install stays out.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    yield folder / "bin" / "python"


def _run(python: Path, *arguments: str, cwd: Path, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
    code = "import sys; from assay.cli import main; sys.argv[0] = 'assay'; main()"
    variables = {name: value for name, value in os.environ.items() if name not in _OF_OURS}
    return subprocess.run(
        [str(python), "-c", code, *arguments],
        cwd=cwd,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )


def test_only_the_package_is_installed(wheel: Path) -> None:
    """The wheel holds the package with templates and the reference suite, and neither tests nor output nor a cache."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"assay"}
    for wanted in (
        "assay/py.typed",
        "assay/onboarding/templates/my_shop.py.j2",
        "assay/onboarding/oracles.toml",
        "assay/reference/assay.toml",
        "assay/reference/mocks/merchant/schema.sql",
        "assay/reference/mocks/stripe/stubs/rate_limited.json",
        "assay/reference/scenarios/f01_order_to_carrier.py",
        "assay/reference/reports/run.html.j2",
    ):
        assert wanted in names, wanted
    odd = ("__pycache__", "/out/", "/.assay/", "/test_", ".sqlite", "/tests/")
    assert [
        name
        for name in names
        if any(part in name for part in odd)
        and not any(part in name for part in ("/scenarios/", "/monitors/rules/tests/"))  # promtool's, of the rules
        and not name.endswith(".j2")
    ] == []


@pytest.mark.needs_java
@pytest.mark.xdist_group("gate")
def test_a_project_in_an_empty_folder(elsewhere: Path, tmp_path: Path) -> None:
    """`assay init --yes && assay gate` is green where nothing of this repository is on the path."""
    made = _run(elsewhere, "init", "--yes", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    done = _run(elsewhere, "gate", "--load", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "my_shop[jpy]" in done.stdout
    assert str(ROOT) not in done.stdout + done.stderr


@pytest.mark.full
@pytest.mark.needs_java
def test_pip_brings_everything_it_needs(wheel: Path, tmp_path: Path) -> None:
    """Installed by pip into an environment with nothing else, init and gate, its load included, are green."""
    folder = tmp_path / "venv"
    venv.create(folder, with_pip=True, symlinks=True)
    python = folder / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "-q", "-c", str(ROOT / "requirements.lock"), f"{wheel}[load]"]
    done = subprocess.run(install, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    project = tmp_path / "project"
    project.mkdir()
    assert _run(python, "init", "--yes", cwd=project).returncode == 0
    gate = _run(python, "gate", cwd=project)
    assert gate.returncode == 0, gate.stdout + gate.stderr
    assert "orders in 5 s" in gate.stdout
