"""What all commands share: options, how errors are shown, how the plan of an environment is found."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec

import click

from assay.errors import AssayError, InfrastructureError

if TYPE_CHECKING:
    from assay.local.plan import Plan
    from assay.profile import Profile

P = ParamSpec("P")
_UNWRITABLE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}
)
_PROFILE_HELP = "assay.toml to use; the nearest one in this folder or above it, else the shipped one."


def profile_option(command: Callable[P, None]) -> Callable[P, None]:
    """Add --profile."""
    return click.option("--profile", "profile_path", type=click.Path(path_type=Path), help=_PROFILE_HELP)(command)


def landscape_options(command: Callable[P, None]) -> Callable[P, None]:
    """Add --env and --profile."""
    environment = click.option("--env", "environment", default="local", show_default=True, help="Environment.")
    return environment(profile_option(command))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead of text.")


def explained(command: Callable[P, None]) -> Callable[P, None]:
    """Print our errors as they explain themselves and end with their exit code."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except AssayError as error:
            _explain(error)
        except OSError as error:
            if error.errno not in _UNWRITABLE:
                raise
            hint = "free space or mend permissions there; TMPDIR names another folder for what is temporary"
            _explain(
                InfrastructureError(
                    f"a file could not be written or read: {error.strerror}",
                    where=str(error.filename or f"below {Path.cwd()} or {tempfile.gettempdir()}"),
                    hint=hint,
                )
            )
        except KeyboardInterrupt:
            click.echo("assay: interrupted", err=True)
            sys.exit(130)

    return run


def _explain(error: AssayError) -> NoReturn:
    click.echo(in_colour("assay: ", "red", sys.stderr) + str(error), err=True)
    sys.exit(error.exit_code)


def in_colour(text: str, colour: str | None, stream: Any) -> str:
    """Return the text in a colour where the stream is a terminal and NO_COLOR (no-color.org) is not set."""
    wanted = colour is not None and stream.isatty() and not os.environ.get("NO_COLOR")
    return click.style(text, fg=colour) if wanted else text


def find(profile_path: Path | None) -> tuple[Profile, Path]:
    """Return the profile named, found or shipped, and the folder in which landscapes keep their data."""
    from assay.local.project import find as look

    return look(profile_path)


def plan_for(environment: str, profile_path: Path | None, **more: Any) -> Plan:
    """Return the plan of an environment."""
    from assay.local.project import plan_for as plan

    return plan(environment, profile_path, **more)
