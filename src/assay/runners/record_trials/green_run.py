"""The last green run of an environment, read back from the JSON lines it left in the project's reports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assay.errors import AssayError, UsageError, did_you_mean
from assay.records import Dossier
from assay.reporting import FILES, RunRecord, read_events, record_of
from assay.runners.run_log import OUT

_TAIL = 1 << 16


class NoGreenRun(AssayError):
    """There is no run whose records could be tried."""

    exit_code = 5


@dataclass(frozen=True, slots=True)
class Kept:
    """What a run left: its record, and each order's dossier with the case it came of."""

    path: Path
    record: RunRecord
    dossiers: tuple[tuple[str, Dossier], ...]

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.record.started.run_id if self.record.started else self.path.parent.name


def kept_run(project: Path, environment: str, run: str | None = None) -> Kept:
    """Return a run by id, folder or file, else the last green one of the environment that has orders.

    `NoGreenRun` where there is none; `UsageError` for a run nobody knows, or of another environment.
    """
    if run is not None:
        return _named(project, environment, run)
    seen = "no run at all"
    for path in _runs(project):
        ending = _ending(path)
        if ending != (environment, 0):
            seen = f"run {path.parent.name} of '{ending[0]}' ended with exit {ending[1]}" if ending else seen
            continue
        kept = _read(path)
        if kept.dossiers:
            return kept
        seen = f"run {kept.run_id} is green and placed no order"
    raise NoGreenRun(
        f"no green run of environment '{environment}' with orders is kept",
        where=str(project / OUT),
        seen=seen,
        hint=f"`assay run --env {environment}` (or `assay gate`) until it is green; --run takes another",
    )


def _named(project: Path, environment: str, run: str) -> Kept:
    name = FILES["jsonl"]
    path = next((each for each in (Path(run), Path(run) / name, project / OUT / run / name) if each.is_file()), None)
    if path is None:
        known = [each.parent.name for each in _runs(project)][:20]
        hint = did_you_mean(run, known) if known else "`assay run` makes one"
        raise UsageError(f"there is no run '{run}'", where=str(project / OUT), hint=hint)
    kept = _read(path)
    if kept.record.environment != environment:
        raise UsageError(
            f"run {kept.run_id} is not of environment '{environment}'",
            where=str(path),
            seen=kept.record.environment,
            hint=f"--env {kept.record.environment}",
        )
    if not kept.dossiers:
        raise NoGreenRun(f"run {kept.run_id} placed no order", where=str(path), hint="choose a run of flows that buy")
    return kept


def _runs(project: Path) -> Iterator[Path]:
    """Yield the JSON lines of every run of a project, the newest first: run ids sort by time."""
    paths = (project / OUT).glob(f"*/{FILES['jsonl']}")
    yield from sorted((path for path in paths if not path.parent.is_symlink()), reverse=True)


def _ending(path: Path) -> tuple[str, int] | None:
    """Return a run's environment and exit code by its first and last line; None where it broke off or is no run."""
    try:
        with path.open("rb") as lines:
            first = json.loads(lines.readline())
            lines.seek(max(0, path.stat().st_size - _TAIL))
            last = json.loads(lines.read().rstrip(b"\n").rpartition(b"\n")[2])
        if last["event"] != "run_finished":
            return None
        return str(first["data"]["environment"]), int(last["data"]["exit_code"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _read(path: Path) -> Kept:
    record = record_of(read_events(path))
    found = [
        (f"{outcome.flow}[{outcome.case}]", dossier)
        for outcome in record.outcomes
        for dossier in outcome.dossiers
        if dossier.order is not None
    ]
    return Kept(path, record, tuple(found))
