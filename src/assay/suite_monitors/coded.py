"""Imports files of monitors: ``monitors/*.py``, each again when it changed, and says which line cannot be imported."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from assay.errors import UsageError
from assay.monitor import Monitor, declaring


def imported(path: Path) -> ModuleType:
    """Import a file as ``monitors.STEM``, or return it as it is where it did not change since."""
    name, text = f"monitors.{path.stem}", path.read_bytes()
    digest = hashlib.sha256(text).hexdigest()
    known = sys.modules.get(name)
    if known is not None and vars(known).get("__assay_digest__") == (str(path), digest):
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # it ends with .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        # Not by its loader: that would take the bytecode of a file that changed within the same second.
        with declaring() as declared:
            exec(compile(text, str(path), "exec"), vars(module))  # noqa: S102 (the user's own file, as a flow's is)
    except BaseException as error:
        sys.modules.pop(name, None)
        if known is not None:
            sys.modules[name] = known
        raise _cannot_import(error, path) from error
    vars(module)["__assay_digest__"] = (str(path), digest)
    vars(module)["__assay_monitors__"] = [each for each in declared if each.source == path]
    return module


def declared_in(module: ModuleType) -> Sequence[Monitor]:
    """Return what ``@monitor`` declared in that file: two functions of one name are two monitors all the same."""
    found: Sequence[Monitor] = vars(module)["__assay_monitors__"]
    return found


def _cannot_import(error: BaseException, path: Path) -> BaseException:
    if isinstance(error, UsageError):
        error.where = error.where or str(path)
        return error
    if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():  # Ctrl-C
        return error
    line, trace = error.lineno if isinstance(error, SyntaxError) else None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return UsageError(
        "a file of monitors cannot be imported",
        where=f"{path}:{line}" if line else str(path),
        seen=f"{type(error).__name__}: {error}",
        hint="mend that line",
    )
