"""Everything a machine without a registry needs to run Assay, in one folder: wheels, the jar, documents, a script.

Versions are those of requirements.lock in a checkout, and those installed here otherwise, so that the far machine runs
what was tried on this one.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.errors import InfrastructureError, UsageError
from assay.suites import reference_suite

_NAME = "assay"
_PIP_TIMEOUT_S = 1800
# What pip writes beside a package when it installs it, and no wheel holds.
_OF_THE_INSTALLER = ("INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json")
_EARLIEST = (1980, 1, 1, 0, 0, 0)

_SCRIPT = """\
#!/bin/sh
# Installs Assay from this folder alone; no registry is asked. Usage: sh install.sh [FOLDER OF THE ENVIRONMENT]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=${{1:-.venv}}
cd "$here"
if command -v sha256sum >/dev/null; then sha256sum -c --quiet SHA256SUMS; else shasum -a 256 -c --quiet SHA256SUMS; fi
cd - >/dev/null
"${{PYTHON:-python3}}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-index --find-links "$here/wheels" \\
    '{requirement}'
"$venv/bin/python" -c 'import sys; from assay.edge import adopt_jar; adopt_jar(sys.argv[1])' "$here/{jar}"
echo "$venv/bin/assay is ready; begin with: $venv/bin/assay doctor"
"""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was collected: how many wheels, and how many bytes in all."""

    folder: Path
    wheels: int
    size: int


def collect(
    folder: Path,
    *,
    extras: Sequence[str],
    platforms: Sequence[str] = (),
    python: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Bundle:
    """Collect the bundle into an empty or new folder.

    platforms and python: of the far machine, as pip names them (manylinux2014_x86_64, 3.12); this machine's by default.
    Raises `UsageError` for a folder that holds something or an extra nobody has, `InfrastructureError` where a registry
    gives no wheel.
    """
    from assay.edge import install_jar

    if folder.exists() and any(folder.iterdir()):
        raise UsageError("the folder is not empty", where=str(folder), hint="name a new one")
    _refuse_unknown(extras)
    wheels = folder / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    tell("our own wheel")
    own = _own_wheel(wheels)
    chosen = f"[{','.join(extras)}]" if extras else ""
    tell(f"wheels of what {_NAME}{chosen} needs")
    _fetch(f"{own}{chosen}", wheels, platforms, python)
    tell("the WireMock jar")
    jar = install_jar(progress=tell)
    shutil.copyfile(jar, folder / jar.name)
    (folder / "README.md").write_text(_readme(), encoding="utf-8")
    requirement = f"{_NAME}{chosen}=={importlib.metadata.version(_NAME)}"
    script = folder / "install.sh"
    script.write_text(_SCRIPT.format(requirement=requirement, jar=jar.name), encoding="utf-8")
    script.chmod(0o755)
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    sums = [f"{_sha256(file)}  {file.relative_to(folder).as_posix()}\n" for file in files]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    return Bundle(folder, len(list(wheels.glob("*.whl"))), sum(file.stat().st_size for file in files))


def repack(name: str, folder: Path) -> Path:
    """Make a wheel of a package that is installed here, from its own record of files, and return it."""
    found = importlib.metadata.distribution(name)
    inside = [file for file in found.files or () if ".." not in file.parts and not file.is_absolute()]
    kept = [
        file
        for file in inside
        if file.suffix != ".pyc" and not (file.parent.suffix == ".dist-info" and file.name in _OF_THE_INSTALLER)
    ]
    info = next(file.parent for file in kept if file.parent.suffix == ".dist-info")
    wheel_facts = found.read_text("WHEEL") or ""
    tags = [line.partition(":")[2].strip() for line in wheel_facts.splitlines() if line.startswith("Tag:")]
    target = folder / f"{info.name.removesuffix('.dist-info')}-{tags[0] if tags else 'py3-none-any'}.whl"
    record: list[str] = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(kept):
            content = Path(str(found.locate_file(file))).read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode("ascii")
            record.append(f"{file.as_posix()},sha256={digest},{len(content)}\n")
            archive.writestr(zipfile.ZipInfo(file.as_posix(), _EARLIEST), content)
        record.append(f"{info.as_posix()}/RECORD,,\n")
        archive.writestr(zipfile.ZipInfo(f"{info.as_posix()}/RECORD", _EARLIEST), "".join(record))
    return target


def _own_wheel(wheels: Path) -> Path:
    """Return our wheel: built from the checkout this runs from, else packed again from what is installed."""
    source = importlib.metadata.distribution(_NAME).read_text("direct_url.json")
    if source is not None and json.loads(source).get("dir_info", {}).get("editable"):
        _pip("wheel", "--no-deps", "--wheel-dir", str(wheels), str(reference_suite()))
        return next(wheels.glob(f"{_NAME}-*.whl"))
    return repack(_NAME, wheels)


def _fetch(requirement: str, wheels: Path, platforms: Sequence[str], python: str | None) -> None:
    with tempfile.TemporaryDirectory(prefix="assay-bundle-") as folder:
        constraints = reference_suite() / "requirements.lock"
        if not constraints.is_file():
            constraints = Path(folder) / "installed.txt"
            constraints.write_text("".join(sorted(_installed())), encoding="utf-8")
        if platforms or python:
            far = [option for platform in platforms for option in ("--platform", platform)]
            far += ["--python-version", python] if python else []
            _pip("download", "--only-binary", ":all:", *far, "-d", str(wheels), "-c", str(constraints), requirement)
        else:  # builds what a registry has as source alone
            _pip("wheel", "--wheel-dir", str(wheels), "-c", str(constraints), requirement)


def _installed() -> set[str]:
    """Return every package installed here with its version, but ourselves."""
    found = ((each.metadata["Name"], each.version) for each in importlib.metadata.distributions())
    return {f"{name}=={version}\n" for name, version in found if name and name.lower() != _NAME}


def _refuse_unknown(extras: Sequence[str]) -> None:
    known = importlib.metadata.metadata(_NAME).get_all("Provides-Extra") or []
    for name in extras:
        if name not in known:
            raise UsageError(f"there is no extra '{name}'", expected=", ".join(known))


def _readme() -> str:
    file = reference_suite() / "README.md"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    metadata = importlib.metadata.metadata(_NAME)
    return metadata.get("Description") or str(metadata.get_payload() or "")  # type: ignore[attr-defined]


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise InfrastructureError("pip did not end", where=" ".join(command[2:5]), hint="check the registry") from None
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise InfrastructureError(
            "pip could not collect the wheels",
            where=" ".join(command[2:5]),
            seen=" | ".join(lines[-3:])[:600],
            hint="check pip's registry and proxy (pip config list); without pip here: python -m ensurepip",
        )


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
