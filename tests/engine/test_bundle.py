"""`assay bundle`: what is collected here installs on a machine that reaches no registry."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from assay.edge import Installation, adopt_jar
from assay.errors import InfrastructureError
from assay.local.bundle import repack
from tests.conftest import ASSAY, Assay

NOWHERE = "http://127.0.0.1:9/"
NO_REGISTRY = {"PIP_INDEX_URL": NOWHERE, "PIP_CONFIG_FILE": os.devnull, "npm_config_registry": NOWHERE}


def test_an_installed_package_becomes_a_wheel_again(tmp_path: Path) -> None:
    """A wheel packed from what is installed holds the same files, is the same each time, and installs by itself."""
    made = repack("click", tmp_path)
    first = made.read_bytes()
    assert repack("click", tmp_path).read_bytes() == first
    assert made.name == f"click-{importlib.metadata.version('click')}-py3-none-any.whl"
    with zipfile.ZipFile(made) as archive:
        names = archive.namelist()
    assert "click/core.py" in names
    assert [name for name in names if name.endswith((".pyc", "INSTALLER", "direct_url.json"))] == []
    folder = tmp_path / "there"
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--target", str(folder), str(made)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (folder / "click" / "core.py").is_file()


def test_what_bundle_refuses(assay: Assay, tmp_path: Path) -> None:
    """A folder that holds something, and an extra nobody has, end with 2 before anything is fetched."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    assert "is not empty" in assay("bundle", "full").stderr
    unknown = assay("bundle", "new", "--extra", "jave")
    assert (unknown.returncode, "java" in unknown.stderr) == (2, True)
    assert not (tmp_path / "new").exists()


def test_a_jar_is_adopted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A jar brought by hand lies where a fetched one would; one that is not there is named."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "wiremock.jar").write_bytes(b"jar")
    place = adopt_jar(tmp_path / "wiremock.jar")
    assert (place.read_bytes(), tmp_path in place.parents) == (b"jar", True)
    with pytest.raises(InfrastructureError, match="no such jar"):
        adopt_jar(tmp_path / "gone.jar")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, installation: Installation) -> Path:
    """A bundle, collected once."""
    folder = tmp_path_factory.mktemp("bundle") / "b"
    command = [str(ASSAY), "bundle", str(folder), "--extra", "java"]
    made = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.mark.full
@pytest.mark.needs_npm
def test_a_machine_without_a_registry(bundle: Path, tmp_path: Path) -> None:
    """The bundle installs with every registry out of reach, brings its jar, and a landscape comes up; exit 0."""
    far = {**os.environ, **NO_REGISTRY, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHON": sys.executable}
    far.pop("ASSAY_WIREMOCK_JAR", None)
    script = ["sh", str(bundle / "install.sh"), str(tmp_path / "venv")]
    done = subprocess.run(script, env=far, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    there, shop = str(tmp_path / "venv" / "bin" / "assay"), tmp_path / "shop"
    shop.mkdir()
    up = subprocess.run([there, "up", "--json"], cwd=shop, env=far, capture_output=True, text=True, timeout=120)
    try:
        assert up.returncode == 0, up.stderr
        assert json.loads(up.stdout)["healthy"]
    finally:
        subprocess.run([there, "down"], cwd=shop, env=far, capture_output=True, timeout=60)


@pytest.mark.full
@pytest.mark.needs_npm
def test_a_damaged_bundle_installs_nothing(bundle: Path, tmp_path: Path) -> None:
    """Where one file is not what was collected, the script stops before it makes an environment."""
    folder = shutil.copytree(bundle, tmp_path / "damaged")
    (folder / "README.md").write_text("another")
    done = subprocess.run(["sh", str(folder / "install.sh"), str(tmp_path / "venv")], capture_output=True, timeout=60)
    assert done.returncode != 0
    assert not (tmp_path / "venv").exists()
