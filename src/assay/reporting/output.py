"""Where reports are written: one folder a project, one listener for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from assay.contracts.results import Contracts
from assay.errors import AssayError, InfrastructureError, UsageError, did_you_mean
from assay.events import Outcome, RunFinished, RunStarted
from assay.reporting.html import render_html, template_folders
from assay.reporting.jsonl import JsonLines, read_events
from assay.reporting.junit import render_junit
from assay.reporting.markdown import render_markdown
from assay.reporting.run_record import RunRecord, masked, record_of

FILES: Mapping[str, str] = {
    "jsonl": "run.jsonl",
    "junit": "junit.xml",
    "markdown": "summary.md",
    "html": "report.html",
}
"""The formats and their file names."""


class Reports:
    """A listener that writes every report of a run into one folder. `paths` says where each lies, by format."""

    def __init__(
        self, out: Path, project: Path | None, formats: Iterable[str], evaluated_before: frozenset[str]
    ) -> None:
        self.paths = {name: out / FILES[name] for name in formats}
        self._project = project
        self._evaluated_before = evaluated_before
        self._lines = JsonLines(out / FILES["jsonl"]) if "jsonl" in self.paths else None
        self._events: list[object] = []
        self._problems: list[AssayError] = []

    def __call__(self, event: object) -> None:
        """Take one event; at the run's end `InfrastructureError` or `UsageError` says which report failed, and why.

        A report that cannot be written keeps none of the others from being written.
        """
        if not isinstance(event, RunStarted | Outcome | Contracts | RunFinished):
            return
        event = masked(event)
        if isinstance(event, RunStarted):
            self._events = []
        self._events.append(event)
        # A listener that raised in the middle of a run would break the flow it listens to: trouble waits for the end.
        if self._lines is not None and not self._problems:
            _attempt(self._problems, self.paths["jsonl"], partial(self._lines, event))
        if isinstance(event, RunFinished):
            run = record_of(self._events, evaluated_before=self._evaluated_before)
            rest = {name: path for name, path in self.paths.items() if name != "jsonl"}
            problems, self._problems = self._problems + _write(run, rest, self._project), []
            self._evaluated_before = run.evaluated()
            if problems:
                raise problems[0]


def open_reports(
    out: Path,
    *,
    project: Path | None = None,
    formats: Iterable[str] = tuple(FILES),
    evaluated_before: Iterable[str] | None = None,
    environment: str | None = None,
) -> Reports:
    """Return a listener that writes these formats into a folder; `UsageError` for a format that is none.

    `project` is searched for templates (its ``reports/``) before the shipped ones. `evaluated_before` are the oracles
    evaluated in the last run; when absent they are read from the JSON lines the last run left in the folder, if it was
    a run of the same `environment` (any, when that is absent too).
    """
    chosen = _known(formats, FILES)
    before = _last_evaluated(out, environment) if evaluated_before is None else frozenset(evaluated_before)
    return Reports(out, project, chosen, before)


def write_reports(run: RunRecord, out: Path, *, project: Path | None = None, formats: Iterable[str] = ()) -> list[Path]:
    """Write a gathered run as JUnit, Markdown and HTML (or these of them) and return the files."""
    rendered = [name for name in FILES if name != "jsonl"]
    paths = {name: out / FILES[name] for name in _known(formats, rendered) or rendered}
    if problems := _write(run, paths, project):
        raise problems[0]
    return list(paths.values())


def _known(formats: Iterable[str], known: Iterable[str]) -> list[str]:
    chosen, known = list(formats), list(known)
    for name in chosen:
        if name not in known:
            raise UsageError(f"there is no report '{name}'", expected=", ".join(known), hint=did_you_mean(name, known))
    return chosen


def _write(run: RunRecord, paths: Mapping[str, Path], project: Path | None) -> list[AssayError]:
    renderers: dict[str, Callable[[], str]] = {
        "junit": lambda: render_junit(run),
        "markdown": lambda: render_markdown(run),
        "html": lambda: render_html(run, template_folders(project)),
    }
    problems: list[AssayError] = []
    for name, path in paths.items():
        _attempt(problems, path, partial(_render, renderers[name], path))
    return problems


def _render(render: Callable[[], str], path: Path) -> None:
    _replace(path, render())


def write_text(path: Path, text: str) -> None:
    """Write a report whole or not at all; `InfrastructureError` says why it could not be written."""
    problems: list[AssayError] = []
    _attempt(problems, path, partial(_replace, path, text))
    if problems:
        raise problems[0]


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside the file first: a reader never sees half a report.
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(text.encode("utf-8", "replace"))
    part.replace(path)


def _attempt(problems: list[AssayError], path: Path, write: Callable[[], None]) -> None:
    try:
        write()
    except AssayError as error:
        problems.append(error)
    except OSError as error:
        hint = "free space or permissions there, or give another folder"
        problem = InfrastructureError(f"a report could not be written: {error.strerror}", where=str(path), hint=hint)
        problems.append(problem)


def _last_evaluated(out: Path, environment: str | None) -> frozenset[str]:
    path = out / FILES["jsonl"]
    if not path.is_file():
        return frozenset()
    try:
        last = record_of(read_events(path))
    except UsageError:
        # A file of another version or of another program tells nothing of the last run; it is about to be replaced.
        return frozenset()
    return last.evaluated() if environment in (None, last.environment) else frozenset()
