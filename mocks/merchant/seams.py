"""Named seams: every policy a defect may replace, found by name and exchanged while the merchant runs.

A seam is an ordinary function under ``@seam(family)``; the decorated name stays callable with the same signature and
calls whatever is installed at that moment. A replacement has the seam's signature; if it takes a keyword parameter
named ``healthy`` it receives the healthy function there.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

FAMILIES = (
    "money conversion and exponents",
    "rounding",
    "rates",
    "formatting and parsing",
    "pricing and promotions",
    "cart",
    "checkout",
    "completion",
    "payments",
    "refunds",
    "events in",
    "outbox",
    "polling and paging",
    "batch",
    "state machine",
    "stock and bundles",
    "shipping and labels",
    "addresses",
    "customs",
    "tracking",
    "ERP documents and tax",
    "messages",
    "3DS",
    "fraud",
    "logging and stored data",
    "authorisation",
    "clients and retries",
    "dates and schedules",
    "catalogue",
)


class UnknownSeam(Exception):
    """A defect names a seam that does not exist; the message says which one it may have meant."""


class Seam(Generic[P, R]):
    """One policy: the healthy function, and what is installed in its place."""

    def __init__(self, family: str, healthy: Callable[P, R]) -> None:
        self.family = family
        self.name = healthy.__name__
        self.healthy = healthy
        self.installed: Callable[P, R] = healthy
        self.__doc__ = healthy.__doc__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call what is installed now."""
        return self.installed(*args, **kwargs)

    @property
    def signature(self) -> str:
        """The signature as the README lists it: parameter names only."""
        return f"{self.name}({', '.join(inspect.signature(self.healthy).parameters)})"


REGISTRY: dict[str, Seam[Any, Any]] = {}


def seam(family: str) -> Callable[[Callable[P, R]], Seam[P, R]]:
    """Register the decorated function as the seam of its name in one of `FAMILIES`."""
    if family not in FAMILIES:
        raise ValueError(f"unknown seam family '{family}', known: {', '.join(FAMILIES)}")

    def register(function: Callable[P, R]) -> Seam[P, R]:
        if function.__name__ in REGISTRY:
            raise ValueError(f"seam '{function.__name__}' is registered twice")
        made = Seam(family, function)
        REGISTRY[made.name] = made
        return made

    return register


def load_all() -> None:
    """Import every module of the merchant, so that every seam is registered."""
    root = Path(__file__).parent
    for module in pkgutil.walk_packages([str(root)], f"{__package__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def install(replacements: Mapping[str, Callable[..., Any]], *, origin: str) -> None:
    """Put replacements in place of healthy functions. Raises `UnknownSeam` before anything is exchanged."""
    for name in replacements:
        if name not in REGISTRY:
            close = difflib.get_close_matches(name, REGISTRY, 1)
            hint = f"did you mean '{close[0]}'?" if close else "mocks/merchant/README.md lists all seams"
            raise UnknownSeam(f"{origin}: there is no seam named '{name}'; {hint}")
    for name, function in replacements.items():
        target = REGISTRY[name]
        takes_healthy = "healthy" in inspect.signature(function).parameters
        target.installed = partial(function, healthy=target.healthy) if takes_healthy else function


def replaced() -> list[str]:
    """Return the names of the seams something else is installed in."""
    return sorted(name for name, each in REGISTRY.items() if each.installed is not each.healthy)


def restore(names: Mapping[str, Any] | None = None) -> None:
    """Put the healthy functions of these seams back, of all when none are named."""
    for name in names if names is not None else REGISTRY:
        REGISTRY[name].installed = REGISTRY[name].healthy
