"""Finds the monitors of suites: ``monitors/*.toml`` and what ``@monitor`` declares in ``monitors/*.py``.

    [monitors.order_census]
    title = "Orders of shop, gateway and ERP agree"
    check = "order_census"                    # or: flow = "F01", cases = ["eur"], rotate = true
    interval = "10m"                          # or: cron = "15 2 * * *", always in UTC
    owner = "integration team"
    runbook = "order_census.md"               # in monitors/runbooks, or an address
    alert = { severity = "page" }

What is wrong is a `UsageError` that names the file and the key: a monitor that watches nothing must not look like one
that finds nothing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from assay.drift.checks import CHECKS, Check
from assay.errors import UsageError, did_you_mean
from assay.flow import Flow
from assay.monitor import AlertRule, Monitor, Objective
from assay.profile import Profile
from assay.profile_watch import Severity, Span, Table
from assay.span import span_text
from assay.suite_monitors.coded import declared_in, imported
from assay.suite_monitors.cron import cron_in_utc, gaps_of

_FOLDER, _RUNBOOKS = "monitors", "runbooks"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
OWN_NAMES = ("assay_configuration", "assay_undo")
"""What the process that runs monitors calls probes of its own; no monitor may be called so."""
_USUAL_TIMEOUT_S = 300.0
_SHORTEST_S, _MOST_SHOWN = 1.0, 80
_SHARE = 0.9
"""Of its interval a monitor may use that much where it names no timeout of its own."""


class _ObjectiveTable(Table):
    availability: float = Field(0.995, gt=0, lt=1)
    latency: Span | None = None
    latency_share: float = Field(0.95, gt=0, lt=1)


class _AlertTable(Table):
    severity: Severity = "ticket"
    fire_after: int | None = Field(None, ge=1)
    resolve_after: int | None = Field(None, ge=1)
    remind_every: Span | None = None
    routes: tuple[str, ...] = ()


class _MonitorTable(Table):
    title: str = Field(min_length=1, max_length=200)
    flow: str | None = None
    cases: tuple[str, ...] = ()
    rotate: bool = False
    check: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    interval: Span | None = None
    cron: str | None = Field(None, max_length=200)
    jitter: Span | None = None
    timeout: Span | None = None
    location: str | None = Field(None, pattern="^[a-z0-9][a-z0-9_-]{0,31}$")
    environments: tuple[str, ...] = ()
    owner: str = Field(min_length=1, max_length=200)
    runbook: str = Field(min_length=1, max_length=500)
    customers: str = Field("", max_length=2_000)
    systems: tuple[str, ...] = ()
    objective: _ObjectiveTable = _ObjectiveTable()
    alert: _AlertTable


@dataclass(frozen=True, slots=True)
class _Around:
    """What a monitor's words are held against."""

    roots: Sequence[Path]
    profile: Profile
    flows: Mapping[str, Flow]
    checks: Mapping[str, Check]

    @property
    def systems(self) -> set[str]:
        return {name for each in self.profile.environments.values() for name in each.systems}

    def is_shipped(self, file: Path) -> bool:
        """Whether a file is of the suite behind the user's own."""
        return len(self.roots) > 1 and file.is_relative_to(self.roots[-1]) and not file.is_relative_to(self.roots[0])

    def runbook_at(self, name: str) -> Path | None:
        folders = [root / _FOLDER / _RUNBOOKS for root in self.roots]
        if "://" not in self.profile.alerts.runbooks:
            folders.insert(0, self.profile.folder / self.profile.alerts.runbooks)
        for folder in folders:
            file = (folder / name).resolve()
            if file.is_file() and file.is_relative_to(folder.resolve()):  # the status page shows no file outside
                return file
        return None


def monitor_files(roots: Sequence[Path]) -> list[Path]:
    """Return the files monitors stand in; one of the first root hides one of the same name further on."""
    files: dict[str, Path] = {}
    for root in roots:
        for path in sorted([*(root / _FOLDER).glob("*.py"), *(root / _FOLDER).glob("*.toml")]):
            if not path.name.startswith(("test_", "_", ".")) and path.name != "conftest.py":
                files.setdefault(path.name, path.resolve())
    return list(files.values())


def load_monitors(
    roots: Sequence[Path],
    profile: Profile,
    flows: Mapping[str, Flow],
    *,
    checks: Mapping[str, Check] = CHECKS,
) -> dict[str, Monitor]:
    """Return the monitors of these suites by name, held against the profile and against the flows and checks there are.

    The first root is the user's. checks: the register; the modules that fill it must have been imported. A changed
    ``.py`` is imported again. `UsageError` for the first thing that is wrong.
    """
    around = _Around([root.resolve() for root in roots], profile, flows, checks)
    found: dict[str, Monitor] = {}
    for path in monitor_files(roots):
        for each in _of_code(path) if path.suffix == ".py" else _of_toml(path, around):
            known = found.get(each.name)
            if known is not None and known is not each:
                raise UsageError(
                    f"two monitors are called '{each.name}'",
                    where=f"{known.source} and {each.source}",
                    hint="rename one of them; a file of yours that has a shipped file's name takes that one's place",
                )
            found[each.name] = _judged(each, around)
    return found


def interval_of(monitor: Monitor) -> float:
    """Return how many seconds lie between two runs; for a cron the longest such span."""
    if monitor.interval_s is not None:
        return monitor.interval_s
    assert monitor.cron is not None  # one of the two, see `load_monitors`
    return max(gaps_of(monitor.cron))


def _of_toml(path: Path, around: _Around) -> Iterator[Monitor]:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors begin a file with a mark
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _no_toml(path, error) from None
    except RecursionError:
        raise UsageError(
            "tables or lists stand too deep in one another", where=str(path), hint="a monitor needs two levels"
        ) from None
    except OSError as error:
        raise UsageError(f"a file of monitors cannot be read: {error.strerror}", where=str(path)) from None
    tables = raw.pop(_FOLDER, {})
    if raw:
        key = next(iter(raw))
        raise UsageError(
            f"unknown key '{key}'", where=f"{path}: top level", hint="a file of monitors holds [monitors.NAME] tables"
        )
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise UsageError("[monitors] must hold tables", where=str(path), expected="[monitors.NAME]")
    for name, table in tables.items():
        try:
            yield _made(name, _MonitorTable.model_validate(table), path, around)
        except ValidationError as error:
            raise _explained(error, f"{path}: monitors.{name}", name) from None


def _made(name: str, table: _MonitorTable, path: Path, around: _Around) -> Monitor:
    systems, environments = table.systems, table.environments
    if around.is_shipped(path):  # it was written for the reference shop; the user's has what it has
        systems = tuple(each for each in systems if each in around.systems)
    return Monitor(
        name=name,
        title=table.title,
        owner=table.owner,
        runbook=table.runbook,
        alert=AlertRule(
            severity=table.alert.severity,
            fire_after=table.alert.fire_after,
            resolve_after=table.alert.resolve_after,
            remind_every_s=table.alert.remind_every,
            routes=table.alert.routes,
        ),
        customers=table.customers,
        flow=table.flow,
        cases=table.cases,
        rotate=table.rotate,
        check=table.check,
        options=table.options,
        interval_s=table.interval,
        cron=table.cron,
        jitter_s=table.jitter or 0.0,
        timeout_s=table.timeout or _USUAL_TIMEOUT_S,
        location=table.location,
        environments=environments,
        objective=Objective(
            availability=table.objective.availability,
            latency_s=table.objective.latency,
            latency_share=table.objective.latency_share,
        ),
        systems=systems,
        source=path,
    )


def _of_code(path: Path) -> Iterator[Monitor]:
    module = imported(path)
    for each in {id(each): each for each in [*declared_in(module), *vars(module).values()]}.values():
        if isinstance(each, Monitor):
            _refuse_shape(each)
            yield each


def _refuse_shape(monitor: Monitor) -> None:
    """Hold what code declares against what a table may hold: nobody checked its types."""
    place, rule, promised = f"{monitor.source}: monitors.{monitor.name}"[:500], monitor.alert, monitor.objective
    if not isinstance(rule, AlertRule) or not isinstance(promised, Objective):
        raise UsageError(
            f"the alert rule or the objective of monitor '{monitor.name}' is none",
            where=place,
            expected="alert=AlertRule(…), objective=Objective(…)",
            seen=f"{rule!r}, {promised!r}"[:120],
        )
    said = {key: getattr(monitor, key) for key in ("title", "owner", "runbook", "customers", "cron", "location")}
    said |= {"environments": monitor.environments, "systems": monitor.systems}
    said["alert"] = {key: getattr(rule, key) for key in ("severity", "fire_after", "resolve_after", "routes")}
    said["objective"] = {"availability": promised.availability, "latency_share": promised.latency_share}
    try:
        _MonitorTable.model_validate(said)
    except ValidationError as error:
        raise _explained(error, place, str(monitor.name)[:_MOST_SHOWN]) from None


def _judged(monitor: Monitor, around: _Around) -> Monitor:
    """Hold a monitor against all that can be wrong of it and return it, its timeout within its interval."""
    place = f"{monitor.source}: monitors.{monitor.name}"
    if not isinstance(monitor.name, str) or not _NAME.fullmatch(monitor.name) or monitor.name in OWN_NAMES:
        shown = repr(monitor.name)
        shown = shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}…, {len(monitor.name):,} letters"
        raise UsageError(
            f"a monitor cannot be called {shown}",
            where=place if len(shown) <= _MOST_SHOWN and str(monitor.name).isprintable() else str(monitor.source),
            expected="a-z, 0-9 and _, a letter first, at most 64" + f"; not {' or '.join(OWN_NAMES)}",
            hint="it stands in addresses, file names and metrics: call it for instance order_census",
        )
    _refuse_subject(monitor, around, place)
    shortest_s = _shortest(monitor, place)
    if monitor.timeout_s == _USUAL_TIMEOUT_S:
        monitor = replace(monitor, timeout_s=min(_USUAL_TIMEOUT_S, _SHARE * shortest_s))
    if monitor.timeout_s >= shortest_s:
        raise UsageError(
            f"monitor '{monitor.name}' could still run when it is due again",
            where=f"{place}.timeout",
            expected=f"less than {span_text(shortest_s)}, the time between two of its runs",
            seen=span_text(monitor.timeout_s),
            hint="shorten timeout, or let it come less often",
        )
    if monitor.jitter_s + monitor.timeout_s > shortest_s:
        raise UsageError(
            f"the jitter of monitor '{monitor.name}' could move one run into the next",
            where=f"{place}.jitter",
            expected=f"jitter and timeout together within {span_text(shortest_s)}, the time between two runs",
            seen=f"{span_text(monitor.jitter_s)} and {span_text(monitor.timeout_s)}",
        )
    _refuse_whom(monitor, around, place)
    return monitor


def _refuse_subject(monitor: Monitor, around: _Around, place: str) -> None:
    chosen = [name for name, value in (("flow", monitor.flow), ("check", monitor.check)) if value]
    if monitor.code is None and len(chosen) != 1:
        raise UsageError(
            f"monitor '{monitor.name}' has {'both a flow and a check' if chosen else 'neither a flow nor a check'}",
            where=place,
            expected="one of the two",
            hint='write flow = "F01", or check = "order_census"',
        )
    if monitor.flow is not None:
        if monitor.flow not in around.flows:
            raise UsageError(
                f"no flow '{monitor.flow}'", where=f"{place}.flow", hint=did_you_mean(monitor.flow, around.flows)
            )
        names = [case.name for case in around.flows[monitor.flow].cases]
        for case in monitor.cases:
            if case not in names:
                hint = did_you_mean(case, names)
                raise UsageError(f"flow {monitor.flow} has no case '{case}'", where=f"{place}.cases", hint=hint)
    elif monitor.cases or monitor.rotate:
        key = "cases" if monitor.cases else "rotate"
        raise UsageError(f"'{key}' is for a flow, and this is a check", where=f"{place}.{key}", hint="take it out")
    if monitor.options and monitor.check is None:
        raise UsageError(
            "'options' are for a check, and this is none", where=f"{place}.options", hint="cases = […] chooses cases"
        )
    if monitor.check is not None:
        if monitor.check not in around.checks:
            hint = did_you_mean(monitor.check, around.checks)
            raise UsageError(f"no check '{monitor.check}'", where=f"{place}.check", hint=hint)
        _refuse_options(monitor, around.checks[monitor.check], place)


def _refuse_options(monitor: Monitor, check: Check, place: str) -> None:
    for name, value in monitor.options.items():
        if name not in check.options:
            hint = did_you_mean(name, check.options) if check.options else f"check '{check.name}' takes none"
            raise UsageError(f"check '{check.name}' has no option '{name}'", where=f"{place}.options", hint=hint)
        usual = check.options[name]
        kind = next((kinds for of, kinds in _KINDS if isinstance(usual, of)), None)
        # true is a number to Python and to nobody else.
        if kind is not None and (not isinstance(value, kind) or isinstance(value, bool) != isinstance(usual, bool)):
            raise UsageError(
                f"option '{name}' of check '{check.name}' is of another kind",
                where=f"{place}.options.{name}",
                expected=f"a value like {usual!r}",
                seen=repr(value)[:120],
            )
    if check.judge is not None:
        try:
            check.judge({**check.options, **monitor.options})
        except UsageError as error:
            error.where = f"{place}.options" + (f".{error.where}" if error.where else "")
            raise


_KINDS: Sequence[tuple[type | tuple[type, ...], type | tuple[type, ...]]] = (
    (bool, bool),
    (str, (str, int, float)),  # a span may be written as a number of seconds
    ((int, float), (int, float, str)),
    ((tuple, list), list),
    (dict, dict),
)


def _shortest(monitor: Monitor, place: str) -> float:
    """Return the shortest time between two runs, once the schedule is one."""
    if (monitor.interval_s is None) == (monitor.cron is None):
        raise UsageError(
            f"monitor '{monitor.name}' has {'no schedule' if monitor.cron is None else 'both an interval and a cron'}",
            where=place,
            expected="interval or cron, one of the two",
            hint='write interval = "5m", or cron = "15 2 * * *" (in UTC)',
        )
    if monitor.interval_s is not None:
        if monitor.interval_s < _SHORTEST_S:
            raise UsageError(
                f"monitor '{monitor.name}' comes too often",
                where=f"{place}.interval",
                expected="a second or more between two runs",
                seen=span_text(monitor.interval_s),
            )
        return monitor.interval_s
    assert monitor.cron is not None
    try:
        cron_in_utc(monitor.cron)
        return min(gaps_of(monitor.cron))
    except UsageError as error:
        error.where = f"{place}.cron"
        raise


def _refuse_whom(monitor: Monitor, around: _Around, place: str) -> None:
    known: tuple[tuple[str, str, Iterable[str], Iterable[str]], ...] = (
        ("route", "alert.routes", monitor.alert.routes, around.profile.alerts.routes),
        ("environment", "environments", monitor.environments, around.profile.environments),
        ("system", "systems", monitor.systems, around.systems),
    )
    for what, key, said, names in known:
        names = set(names)
        for each in said:
            if each not in names:
                hint = did_you_mean(each, names)
                if what == "route" and not names:
                    hint = "declare it in assay.toml: [alerts.routes.NAME] with url or alertmanager"
                raise UsageError(f"no {what} '{each}'", where=f"{place}.{key}", hint=hint)
    if "://" in monitor.runbook:
        if not monitor.runbook.startswith(("http://", "https://")):
            raise UsageError(
                f"the runbook of monitor '{monitor.name}' is no address people can open",
                where=f"{place}.runbook",
                expected="https://…, or a file in monitors/runbooks",
                seen=repr(monitor.runbook)[:120],
            )
    elif around.runbook_at(monitor.runbook) is None:
        folder = monitor.source.parent / _RUNBOOKS
        raise UsageError(
            f"the runbook of monitor '{monitor.name}' does not exist",
            where=f"{place}.runbook",
            expected=str(folder / monitor.runbook),
            hint="write it: what is broken for customers, what to look at first, how to mend it",
        )


def _explained(error: ValidationError, place: str, name: str) -> UsageError:
    # A misspelt key is why another one is missing: say it first.
    problem = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    keys = [str(part) for part in problem["loc"]]
    where = ".".join([place, *keys])
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if problem["type"] == "extra_forbidden":
        if keys[-1] in ("zone", "timezone", "time_zone", "tz"):
            hint = 'take it out: a schedule is in UTC, interval = "1d" or cron = "15 2 * * *"'
        else:
            hint = did_you_mean(keys[-1], _table_at(keys[:-1]).model_fields)
        return UsageError(f"unknown key '{keys[-1]}'{more}", where=where, hint=hint)
    if problem["type"] == "missing":
        lacks, hint = _MISSING.get(keys[-1], (f"no {keys[-1]}", f"add a line {keys[-1]} = …"))
        return UsageError(f"monitor '{name}' has {lacks}{more}", where=where, hint=hint.format(name=name))
    message = problem["msg"].removeprefix("Value error, ")
    seen = None if problem["type"] == "value_error" else repr(problem["input"])[:120]
    return UsageError(f"{message}{more}", where=where, seen=seen)


_MISSING = {
    "alert": ("no alert rule", 'add alert = {{ severity = "page" }} (or ticket, info): nobody looks at a page all day'),
    "runbook": (
        "no runbook",
        'add runbook = "{name}.md" and write monitors/runbooks/{name}.md: whom it wakes needs a first step',
    ),
}


def _table_at(keys: Sequence[str]) -> type[BaseModel]:
    inner: dict[str, type[BaseModel]] = {"objective": _ObjectiveTable, "alert": _AlertTable}
    return inner.get(keys[0], _MonitorTable) if keys else _MonitorTable


def _no_toml(path: Path, error: Exception) -> UsageError:
    twice = re.search(r"Cannot declare \('monitors', '([^']+)'\) twice(.*)", str(error))
    if twice:
        return UsageError(f"two monitors are called '{twice[1]}'", where=f"{path}{twice[2]}", hint="rename one of them")
    return UsageError(f"{path} is no TOML", seen=str(error), hint="mend the line named above")
