"""The `.env` file beside assay.toml: secrets of this machine by name, for what the environment does not set.

Nothing of it goes into this process's environment, so that no child inherits what it was not given.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from assay.errors import UsageError

FILE_NAME = ".env"
_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<value>.*)")
_values: dict[str, str] = {}


def use(folder: Path) -> None:
    """Take the `.env` of this folder, and no other any more; `UsageError` where git tracks it or a line is none."""
    _values.clear()
    file = folder / FILE_NAME
    if file.is_file():
        _refuse_tracked(file)
        _values.update(read(file))


def value_of(name: str) -> str | None:
    """Return what the `.env` in use says of a name, or None."""
    return _values.get(name) or None


def read(file: Path) -> Mapping[str, str]:
    """Return the names of one file. Values may stand in quotes; a line that begins with ``#`` is a comment.

    `UsageError` names a line that is neither, without repeating it: it may hold a secret.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise UsageError("a line of .env names no variable", where=f"{file}:{number}", expected="NAME=value")
        found[match["name"]] = _plain(match["value"].strip())
    return found


def _plain(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value.partition(" #")[0].rstrip()


def _refuse_tracked(file: Path) -> None:
    git = shutil.which("git")
    if git is None:
        return
    command = [git, "-C", str(file.parent), "ls-files", "--error-unmatch", file.name]
    if subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0:
        raise UsageError(
            "git tracks .env, so its secrets are or will be in the repository's history",
            where=str(file),
            expected="a file git ignores",
            hint="git rm --cached .env, add .env to .gitignore, and replace every secret that was committed",
        )
