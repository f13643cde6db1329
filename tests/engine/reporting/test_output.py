"""All reports of a run in one folder: written together, none kept from being written by another."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import InfrastructureError, UsageError
from assay.reporting import FILES, open_reports, read_events, record_of, write_reports
from tests.engine.reporting import sample


def _listen(folder: Path, events: list[object]) -> None:
    reports = open_reports(folder)
    for event in events:
        reports(event)


def test_every_file_is_written_at_the_end(tmp_path: Path) -> None:
    """After the run's end the folder holds the four reports and nothing else."""
    _listen(tmp_path / "out", sample.red_run())
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(FILES.values())


def test_written_again_from_json_lines(tmp_path: Path) -> None:
    """The reports made from the JSON lines are those of the run, byte for byte."""
    _listen(tmp_path / "run", sample.red_run())
    again = write_reports(record_of(read_events(tmp_path / "run" / "run.jsonl")), tmp_path / "again")
    for path in again:
        assert path.read_bytes() == (tmp_path / "run" / path.name).read_bytes()


def test_what_is_no_longer_evaluated_is_found_in_the_last_run(tmp_path: Path) -> None:
    """A run names the oracles that the last run in the same folder evaluated and it does not."""
    _listen(tmp_path, sample.healthy_run())
    blind = type(sample.healthy("eur", "1"))(
        flow="F01", case="eur", environment="local", findings=(sample.passed("O-M1", "1"),)
    )
    _listen(tmp_path, [sample.started(), blind, sample.finished()])
    assert "- **O-K4**: no case of this run asked for it" in (tmp_path / "summary.md").read_text()


@pytest.mark.parametrize("name", FILES.values())
def test_one_report_that_fails_keeps_no_other(tmp_path: Path, name: str) -> None:
    """A file that cannot be written is named when the run has ended, and the others are there, whole."""
    (tmp_path / name / "in the way").mkdir(parents=True)
    reports = open_reports(tmp_path)
    *before, end = sample.healthy_run()
    for event in before:
        reports(event)
    with pytest.raises(InfrastructureError, match=name.replace(".", r"\.")):
        reports(end)
    others = [tmp_path / other for other in FILES.values() if other != name]
    assert all(path.is_file() and path.stat().st_size for path in others)


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    """A misspelt format is wrong use, with the nearest one."""
    with pytest.raises(UsageError, match="did you mean 'junit'"):
        open_reports(tmp_path, formats=["junitt"])
