"""The register of checks that a monitor may name, with what each may be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.drift.look import Look
from assay.errors import UsageError, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: what it reads, as roles, and its options with their defaults.

    judge: says what is wrong with options before any run, by a `UsageError` whose `where` names the option.
    """

    name: str
    act: Callable[[Look], None]
    needs: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    oracles: tuple[str, ...] = ()
    judge: Callable[[Mapping[str, Any]], object] | None = None

    @property
    def meaning(self) -> str:
        """What it does, in one line."""
        return (self.act.__doc__ or "").strip().partition("\n")[0]


CHECKS: dict[str, Check] = {}


def check(
    name: str,
    *,
    needs: tuple[str, ...] = (),
    oracles: tuple[str, ...] = (),
    judge: Callable[[Mapping[str, Any]], object] | None = None,
    **options: Any,
) -> Callable[[Callable[[Look], None]], Check]:
    """Register a check; further keyword arguments are its options with their defaults."""

    def register(act: Callable[[Look], None]) -> Check:
        CHECKS[name] = Check(name=name, act=act, needs=needs, options=options, oracles=oracles, judge=judge)
        return CHECKS[name]

    return register


def check_named(name: str) -> Check:
    """Return a check; `UsageError` with a suggestion."""
    if name not in CHECKS:
        raise UsageError(f"no check '{name}'", hint=did_you_mean(name, CHECKS))
    return CHECKS[name]
