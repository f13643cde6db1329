"""What each label may say: closed sets from the profile, the monitors, the judges and this code.

A value outside its set becomes ``other``, so that no order, customer or text can ever become a series.
"""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from assay import __version__
from assay.drift.checks import CHECKS
from assay.drift.distribution.alarm import Feature
from assay.drift.pairs.model import Class
from assay.drift.watching.names import CHECK as COMPARES
from assay.drift.watching.names import pairs_named
from assay.events import ProbeResult
from assay.money import EXPONENTS
from assay.monitor import SEVERITIES, Monitor
from assay.oracles import ATTEMPT_ORACLES, ORACLES, POPULATION_ORACLES
from assay.oracles.strangers import ID as STRANGERS
from assay.profile import Profile
from assay.reporting.metric_families import FAMILIES, OTHER
from assay.reporting.verdict import State
from assay.roles import ROLES

OWN_MONITORS = ("assay_configuration", "assay_undo", "assay_self")
"""Monitors of the process itself, which no file declares."""
DELIVERY_RESULTS = ("delivered", "failed", "given_up")
HEARTBEAT_RESULTS = ("answered", "failed", "withheld")
MOST_STEPS = 40
"""So many steps of one flow or check are told apart: they come from code, and nobody writes more."""
_REFUSALS = "safety"
"""The alert that stands for all monitors that are refused for safety."""
_OWN_SYSTEMS = ("edge", "platform", "assay")
_OWN_ORACLES = (*OWN_MONITORS, STRANGERS, "own check", "availability")
_LONGEST_STEP, _MOST_DIGITS = 80, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the profile and the suite declare.

    monitors: those of now, which a reload may change. here: those of them that this process runs, all where None.
    """

    environments: frozenset[str] = frozenset()
    systems: frozenset[str] = frozenset()
    locations: frozenset[str] = frozenset()
    routes: frozenset[str] = frozenset()
    flows: frozenset[str] = frozenset()
    base_currency: str = ""
    monitors: Callable[[], Mapping[str, Monitor]] = field(default=dict)
    here: Callable[[], Mapping[str, Monitor]] | None = None

    @classmethod
    def of(
        cls,
        profile: Profile,
        *,
        monitors: Callable[[], Mapping[str, Monitor]] = dict,
        here: Callable[[], Mapping[str, Monitor]] | None = None,
        flows: Iterable[str] = (),
        location: str = "",
    ) -> Known:
        """Return what a profile declares, with the monitors and flows of a suite and this process's own location."""
        return cls(
            environments=frozenset(profile.environments),
            systems=frozenset(name for each in profile.environments.values() for name in each.systems),
            locations=frozenset(filter(None, (profile.monitoring.location, location))),
            routes=frozenset(profile.alerts.routes),
            flows=frozenset(flows),
            base_currency=profile.policies.base_currency or "",
            monitors=monitors,
            here=here,
        )


class Closed(NamedTuple):
    """One label's closed set: where it comes from, in words, and whether a value is in it."""

    source: str
    holds: Callable[[Known, str], bool]


def _is_pair(known: Known, value: str) -> bool:
    first, slash, second = value.partition("/")
    if not slash:
        comparing = (each for each in known.monitors().values() if each.check == COMPARES)
        return any(value in pairs_named(each.options) for each in comparing)
    return known.base_currency in (first, second) and first in EXPONENTS and second in EXPONENTS


def _is_store(known: Known, value: str) -> bool:
    return any(value in each.options.get("stores", ()) for each in known.monitors().values())


def _is_monitor(known: Known, value: str) -> bool:
    return value in known.monitors() or value in OWN_MONITORS


def _is_alerting(known: Known, value: str) -> bool:
    system = value.removeprefix("system ")
    return _is_monitor(known, value) or value == _REFUSALS or (system != value and _is_system(known, system))


def _is_flow(known: Known, value: str) -> bool:
    return value in known.flows or value in OWN_MONITORS or any(value == m.subject for m in known.monitors().values())


def _is_location(known: Known, value: str) -> bool:
    return value in known.locations or any(value == each.location for each in known.monitors().values())


def _is_system(known: Known, value: str) -> bool:
    return value in known.systems or value in ROLES or value in _OWN_SYSTEMS


def _is_oracle(_: Known, value: str) -> bool:
    if value in ORACLES or value in POPULATION_ORACLES or value in ATTEMPT_ORACLES or value in _OWN_ORACLES:
        return True
    return value in CHECKS or any(value in each.oracles for each in CHECKS.values())


def _one_of(*values: str) -> Closed:
    return Closed(", ".join(values), lambda _, value: value in values)


_RESULTS: frozenset[str] = frozenset(
    (
        *(each.value for each in ProbeResult),
        *(each.value.replace(" ", "_") for each in State),
        *("passed", "failed", "not_evaluated"),
        *DELIVERY_RESULTS,
        *HEARTBEAT_RESULTS,
    )
)

LABELS: dict[str, Closed] = {
    "environment": Closed("the profile's environments", lambda known, value: value in known.environments),
    "monitor": Closed(
        "the monitors declared now, the process's own; for alerts of many `system ID` and `safety`", _is_alerting
    ),
    "location": Closed("the process's location, and those that monitors are pinned to", _is_location),
    "flow": Closed("the suite's flows, and the checks that monitors run", _is_flow),
    "oracle": Closed("the registered judges and checks; `own check` for a check in code that names none", _is_oracle),
    "severity": _one_of(*SEVERITIES),
    "system": Closed("the profile's systems, the roles, edge, platform and assay", _is_system),
    "route": Closed("the profile's alert routes", lambda known, value: value in known.routes),
    "currency": Closed("ISO 4217", lambda _, value: value in EXPONENTS),
    "pair": Closed(
        "the profile's base currency with another of ISO 4217, as EUR/USD; a pair that a monitor compares", _is_pair
    ),
    "store": Closed("the stores that monitors name in their option", _is_store),
    "class": _one_of(*(each.value for each in Class)),
    "side": _one_of("left", "right"),
    "sku_class": _one_of("physical", "digital", "bundle", "all"),
    "state": _one_of("passing", "degraded", "failing", "unknown"),
    "kind": _one_of("added", "removed", "type", "required", "enum", "deprecated"),
    "feature": _one_of(*map(str, Feature)),
    "result": Closed("what this code tells apart: passed, failed, error …", lambda _, value: value in _RESULTS),
    "family": Closed("the families of this table", lambda _, value: value in FAMILIES),
    "label": Closed("the labels of this table", lambda _, value: value in LABELS),
    "step": Closed(f"steps named in code: at most {MOST_STEPS} of a flow, none with a long number", lambda *_: False),
    "version": Closed("Assay's own version", lambda _, value: value == __version__),
    "python": Closed("the interpreter's version", lambda _, value: value == platform.python_version()),
}
"""Where each label's closed set comes from; `step` is let through by `Labels.step`, which counts them."""


class Labels:
    """Lets values of closed sets through and says ``other`` for the rest. Safe for threads.

    refused: told of each family and label for which a value was not let through.
    """

    def __init__(self, known: Known, refused: Callable[[str, str], None]) -> None:
        self.known = known
        self._refused = refused
        self._steps: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def closed(self, family: str, label: str, value: str) -> str:
        """Return the value where it is in its label's set, else ``other``."""
        if LABELS[label].holds(self.known, value):
            return value
        if value:
            self._refused(family, label)
            return OTHER
        return ""

    def step(self, family: str, subject: str, name: str) -> str:
        """Return a step's name where it looks like code's and its flow has not too many, else ``other``."""
        if not name or self._is_admitted(subject, name):
            return name
        self._refused(family, "step")
        return OTHER

    def _is_admitted(self, subject: str, name: str) -> bool:
        known = self._steps.get(subject, set())
        if name in known:
            return True
        digits = sum(character.isdigit() for character in name)
        if len(name) > _LONGEST_STEP or digits > _MOST_DIGITS or "@" in name or not name.isprintable():
            return False
        with self._lock:
            known = self._steps.setdefault(subject, set())
            if len(known) < MOST_STEPS:
                known.add(name)
            return name in known
