"""`assay report`: render the reports of a run again from its JSON lines."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli.shared import explained, find, profile_option
from assay.errors import UsageError, did_you_mean


@click.command()
@click.argument("run", default="latest", metavar="[RUN]")
@profile_option
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the reports; the run's own.")
@explained
def report(run: str, profile_path: Path | None, out: Path | None) -> None:
    """Write JUnit, Markdown and HTML of a RUN (an id, a folder or a JSON-lines file) again, by default of the last."""
    from assay.reporting import FILES, read_events, record_of, write_reports
    from assay.reporting.verdict import verdict_of

    _, project = find(profile_path)
    lines = _lines_of(run, project, FILES["jsonl"])
    record = record_of(read_events(lines))
    for path in write_reports(record, out or lines.parent, project=project):
        click.echo(str(path))
    reached = verdict_of(record)
    click.echo(f"{reached.headline}. {reached.sentence}")


def _lines_of(run: str, project: Path, name: str) -> Path:
    """Return the JSON lines of a run; `UsageError` with the nearest id where there is none of that name."""
    from assay.runners.run_log import OUT

    folder = project / OUT
    for path in (Path(run), Path(run) / name, folder / run / name):
        if path.is_file():
            return path
    known = (
        sorted((path.parent.name for path in folder.glob(f"*/{name}") if path.parent.name != "latest"), reverse=True)
        if folder.is_dir()
        else []
    )
    hint = did_you_mean(run, known[:20]) if known and run != "latest" else "`assay run` makes one"
    raise UsageError(f"there is no run '{run}'", where=str(folder), hint=hint)
