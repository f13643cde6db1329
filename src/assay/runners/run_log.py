"""One run as it is told: to the reports' folder, to the store, and to whoever else listens."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from assay import __version__
from assay.contracts.results import Contracts
from assay.errors import AssayError, InfrastructureError, UsageError
from assay.events import Listener, Outcome, RunFinished, RunStarted
from assay.local.plan import Plan
from assay.local.store_place import store_of
from assay.local.uninterrupted import uninterrupted
from assay.reporting import RunRecord, open_reports, record_of
from assay.reporting.run_record import masked
from assay.runners.verdict import Trouble, Verdict
from assay.store import Store, open_store

OUT = Path("reports") / "out"
"""Where a project's reports are, a folder a run; ``latest`` is the last one."""
_COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT")


class RunLog:
    """Tells of one run while the block lasts, and ends it with the verdict's exit code.

    What cannot be kept (a full disk, a locked store) becomes trouble of the verdict and never stops the run; the JSON
    lines are written as outcomes come. results: a store, the environment's own by default.
    """

    def __init__(
        self,
        plan: Plan,
        verdict: Verdict,
        *,
        runner: str,
        run_id: str,
        seed: int,
        planned: int,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self._plan = plan
        self.verdict = verdict
        self._started = RunStarted(
            run_id=run_id,
            runner=runner,
            environment=plan.name,
            view=plan.environment.view,
            started_at=datetime.now(UTC),
            seed=seed,
            commit=_commit(plan.profile.folder),
            version=__version__,
            planned=planned,
        )
        self.folder = plan.profile.folder / OUT / run_id
        self._store = self._opened_store()
        before = self._last_evaluated()
        self._reports = open_reports(
            self.folder, project=plan.profile.folder, environment=plan.name, evaluated_before=before
        )
        self._before = before or frozenset()
        self._recorder = self._store.recorder(plan.name) if self._store else None
        self._listeners = tuple(listeners)
        self._events: list[object] = []
        self._telling = threading.Lock()

    def __enter__(self) -> RunLog:
        self._tell(self._started)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, SystemExit):
            error = UsageError(
                "the run was ended by something it called",
                seen=repr(error),
                hint="take sys.exit and exit out of the connector that calls it: raise an error instead",
            )
        if isinstance(error, Exception):
            self.verdict.trouble.append(Trouble.of(error))
        elif error is not None:
            self.verdict.interrupted = True
        with uninterrupted():
            self._finish()

    def add(self, outcome: Outcome) -> None:
        """Take one judged outcome."""
        self.verdict.outcomes.append(outcome)
        self._tell(outcome)

    def hold(self, contracts: Contracts) -> None:
        """Take what the run held against documents."""
        self.verdict.contracts = contracts
        self._tell(contracts)

    @property
    def paths(self) -> dict[str, Path]:
        """Where each report lies, by format."""
        return dict(self._reports.paths)

    @property
    def record(self) -> RunRecord:
        """The run as reports see it."""
        return record_of(self._events, evaluated_before=self._before)

    def _tell(self, event: object) -> None:
        with self._telling:
            event = masked(event)
            self._events.append(event)
            self._reports(event)
            for listen in (self._recorder, *self._listeners):
                if listen is not None:
                    listen(event)

    def _finish(self) -> None:
        if self._recorder is not None and not self._recorder.flush() and self._recorder.trouble is not None:
            self.verdict.trouble.append(Trouble.of(self._recorder.trouble, "the run's results are not in the store"))
        try:
            self._tell(self._end())
        except AssayError as error:
            self.verdict.trouble.append(Trouble.of(error))
            self._events[-1] = self._end()
        if self._store is not None:
            self._store.close()
        _point_to(self.folder)

    def _end(self) -> RunFinished:
        return RunFinished(
            run_id=self._started.run_id,
            finished_at=datetime.now(UTC),
            exit_code=self.verdict.exit_code,
            trouble=self.verdict.sentences(),
        )

    def _opened_store(self) -> Store | None:
        try:
            return open_store(store_of(self._plan), patience_s=5.0)
        except AssayError as error:
            self.verdict.trouble.append(Trouble.of(error, "the run's results are not in the store"))
            return None

    def _last_evaluated(self) -> frozenset[str] | None:
        try:
            return self._store.last_evaluated(self._plan.name) if self._store else None
        except InfrastructureError:
            return None


def _point_to(folder: Path) -> None:
    """Let ``latest`` be this run's folder; a system without links has none."""
    latest = folder.with_name("latest")
    draft = folder.with_name(f".latest-{folder.name}")
    try:
        draft.symlink_to(folder.name)
        draft.replace(latest)
    except OSError:
        draft.unlink(missing_ok=True)


def _commit(project: Path) -> str | None:
    """Return the commit under test where CI or git tells it."""
    told = next((os.environ[name] for name in _COMMITS if os.environ.get(name)), None)
    git = shutil.which("git")
    if told or git is None:
        return told
    try:
        done = subprocess.run(
            [git, "-C", str(project), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
