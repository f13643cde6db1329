"""Switched defects: each is a file in defects/ whose one function takes the place of a healthy one.

The healthy code knows nothing of them: it is replaced, not asked.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from pathlib import Path

from tests.apps.other_shop.trouble import Refusal

_FOLDER = Path(__file__).with_name("defects")
_PACKAGE = "tests.apps.other_shop"


def defect_names() -> list[str]:
    """Return the names of all defects."""
    return sorted(path.stem for path in _FOLDER.glob("*.py"))


def install(name: str) -> Callable[[], None]:
    """Put a defect in place; return a function that takes it out again."""
    if name not in defect_names():
        close = difflib.get_close_matches(name, defect_names(), n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise Refusal("SETTING", f"defect: no defect {name!r}{hint} There are: {', '.join(defect_names())}")
    defect = importlib.import_module(f"{_PACKAGE}.defects.{name}")
    module_name, _, function_name = defect.REPLACES.partition(":")
    module = importlib.import_module(f"{_PACKAGE}.{module_name}")
    healthy = getattr(module, function_name)
    setattr(module, function_name, getattr(defect, function_name))
    return lambda: setattr(module, function_name, healthy)
