"""What a check is lent: witnesses, time, what counts as correct, and where to put what it found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from assay.contracts.watch import Watch
from assay.dossier import Gatherer
from assay.events import Finding, Measure, Result, StepDone
from assay.landscape import Landscape
from assay.money import Money
from assay.monitor import Severity
from assay.oracles import Judging
from assay.profile import Profile
from assay.records import Call
from assay.store import Store


class OutOfTime(TimeoutError):
    """The run of a monitor has used up its time; raised out of whatever waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The files of a project. folder: where assay.toml is. home: what an environment keeps there, `.assay/ENV`.

    roots: the suites, the project's own first.
    """

    folder: Path
    home: Path
    profile: Profile
    roots: Sequence[Path] = ()

    @property
    def compared(self) -> Path:
        """Where is kept what comparing pairs in this environment came to."""
        return self.folder / ".assay" / "drift" / self.home.name


@dataclass(slots=True)
class Look:
    """One run of a check in progress.

    now is the landscape's instant. gatherer reads dossiers and populations. deadline is by time.monotonic(); `in_time`
    raises `OutOfTime` when it has passed, and every step asks it first. options are the monitor's. journal: returns the
    calls that crossed the edge since a real instant, None where no edge keeps any. pause: lets seconds of the
    landscape's time pass, at once where its clock is ours. watch: what hears live answers, None where nobody does.
    store: where what is learned is kept, None where nothing is. learns: whether this run may add to it.
    project: where its files are, None where there is none. severity: how severe what was found is, where the check says
    so; else it is what the monitor declares.
    """

    environment: str
    landscape: Landscape
    gatherer: Gatherer
    judging: Judging
    now: Callable[[], datetime]
    deadline: float
    options: Mapping[str, Any] = field(default_factory=dict)
    journal: Callable[[datetime], Sequence[Call]] | None = None
    pause: Callable[[float], None] = time.sleep
    watch: Watch | None = None
    store: Callable[[], Store] | None = None
    learns: bool = True
    project: Project | None = None
    severity: Severity | None = None
    steps: list[StepDone] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    measures: list[Measure] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Name and time a part; what it raises ends the check and is recorded with the step."""
        self.in_time()
        began, at, problem = time.perf_counter(), self.now(), None
        try:
            yield
        except Exception as error:
            problem = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            raise
        finally:
            seconds = time.perf_counter() - began
            code = 0 if problem is None else 3
            self.steps.append(StepDone(name=name, started_at=at, seconds=seconds, error=problem, code=code))

    def in_time(self) -> None:
        """Raise `OutOfTime` where the monitor's time is over."""
        if time.monotonic() >= self.deadline:
            raise OutOfTime("the monitor's time is over (its timeout)")

    def verdict(self, finding: Finding) -> None:
        """Add what an oracle said."""
        self.findings.append(finding)

    def holds(
        self,
        condition: object,
        *,
        oracle: str = "own check",
        about: str = "",
        systems: tuple[str, ...] = (),
        expected: str = "",
        seen: str = "",
        cause: str = "",
        at_risk: Money | None = None,
    ) -> bool:
        """Add a verdict: pass where the condition is true, else fail with these words; return which."""
        finding = Finding(
            oracle=oracle, result=Result.PASS if condition else Result.FAIL, order_ref=about or self._about
        )
        if not condition:
            finding = replace(finding, systems=systems, expected=expected, seen=seen, cause=cause, at_risk=at_risk)
        self.findings.append(finding)
        return bool(condition)

    def unjudged(self, oracle: str, reason: str) -> None:
        """Add that an oracle could not be judged here, and why."""
        self.findings.append(Finding(oracle=oracle, result=Result.NOT_EVALUATED, order_ref=self._about, reason=reason))

    @property
    def _about(self) -> str:
        return f"environment {self.environment}"  # with a space: no order has that number

    def measure(self, name: str, value: float, **labels: str) -> None:
        """Add a figure; name and labels must be declared in `assay.reporting.metrics`."""
        self.measures.append(Measure(name=name, value=value, labels=labels))
