"""What went wrong in a flow, in words and with the place in the scenario."""

from __future__ import annotations

import traceback
from pathlib import Path

from assay.errors import AssayError


def described(error: BaseException, scenario: str) -> str:
    """Say what went wrong and where in the scenario, the place after the first line."""
    first, newline, rest = f"{type(error).__name__}: {error}".partition("\n")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == scenario]
    place = f" ({place_of(scenario, frames[-1].lineno)})" if frames else ""
    return f"{first}{place}{newline}{rest}"


def place_of(file: str, line: int | None) -> str:
    """Return where something happened as people find it: from here, or the last two parts of the path."""
    path, here = Path(file), Path.cwd()
    shown = path.relative_to(here) if path.is_relative_to(here) else Path(*path.parts[-2:])
    return f"{shown}:{line}"


def code_of(error: BaseException) -> int:
    """Return the exit code an error asks for."""
    return error.exit_code if isinstance(error, AssayError) else 1
