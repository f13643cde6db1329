"""What the pytest runner remembers of a test run: outcomes and trouble, over all workers, and the reports of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay import __version__
from assay.errors import AssayError
from assay.events import Outcome, RunFinished, RunStarted
from assay.local.plan import Plan
from assay.reporting import open_reports
from assay.reporting.jsonl import line_of, read_line
from assay.reporting.run_record import masked
from assay.runners.session import new_run_id
from assay.runners.verdict import Trouble, Verdict


class Telling:
    """The outcomes of one test run; every one is kept as an event, so that workers can hand theirs over."""

    def __init__(self) -> None:
        self._verdict = Verdict()
        self._began = datetime.now(UTC)
        self._about: dict[str, Any] = {}

    def add(self, plan: Plan, outcome: Outcome) -> int:
        """Remember an outcome and return the exit code it would have by itself."""
        self._learn(plan)
        self._verdict.outcomes.append(outcome)
        return Verdict(outcomes=[outcome]).exit_code

    def trouble(self, plan: Plan, error: AssayError, what: str) -> None:
        """Remember what could not be run."""
        self._learn(plan)
        self._verdict.trouble.append(Trouble.of(error, what))

    def packed(self) -> dict[str, Any]:
        """Return everything as plain values, for the controller of pytest-xdist."""
        return {
            "about": self._about,
            "outcomes": [line_of(masked(outcome)).decode() for outcome in self._verdict.outcomes],
            "trouble": [[each.code, each.text] for each in self._verdict.trouble],
        }

    def unpack(self, packed: dict[str, Any]) -> None:
        """Take what a worker packed."""
        self._about = packed["about"] or self._about
        self._verdict.require = self._about.get("require", ())
        events = [read_line(line.encode(), "a worker's outcome") for line in packed["outcomes"]]
        self._verdict.outcomes += [event for event in events if isinstance(event, Outcome)]
        self._verdict.trouble += [Trouble(code, text) for code, text in packed["trouble"]]

    def finish(self, folder: Path | None) -> None:
        """Write the reports, where a folder is given and something was run."""
        if folder is None or not self._about:
            return
        reports = open_reports(folder, project=Path(self._about["project"]), environment=self._about["environment"])
        run_id = new_run_id()
        reports(
            RunStarted(
                run_id=run_id,
                runner="pytest",
                environment=self._about["environment"],
                view=self._about["view"],
                started_at=self._began,
                seed=self._about["seed"],
                version=__version__,
                planned=len(self._verdict.outcomes) + len(self._verdict.trouble),
            )
        )
        for outcome in self._verdict.outcomes:
            reports(outcome)
        reports(
            RunFinished(
                run_id=run_id,
                finished_at=datetime.now(UTC),
                exit_code=self._verdict.exit_code,
                trouble=self._verdict.sentences(),
            )
        )

    def last_line(self) -> str:
        """Return what `assay run` would have ended with, or nothing where no scenario ran."""
        if not self._about:
            return ""
        words = "; ".join(sentence.partition("\n")[0] for sentence in self._verdict.sentences()[:3])
        return f"assay: exit code {self._verdict.exit_code}" + (f" ({words})" if words else "")

    def _learn(self, plan: Plan) -> None:
        self._about = {
            "environment": plan.name,
            "view": plan.environment.view,
            "seed": plan.environment.seed,
            "project": str(plan.profile.folder),
            "require": list(plan.environment.require),
        }
        self._verdict.require = plan.environment.require
