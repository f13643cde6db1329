"""JSON lines: what is written can be read back, as it came, and a wrong file is told apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from assay.errors import UsageError
from assay.events import Outcome, Progress
from assay.reporting import open_reports, read_events
from tests.engine.reporting import sample


def _written(folder: Path, events: list[object]) -> Path:
    listen = open_reports(folder, formats=["jsonl"])
    for event in events:
        listen(event)
    return listen.paths["jsonl"]


@pytest.mark.parametrize("run", [sample.healthy_run, sample.red_run], ids=["healthy", "red"])
def test_round_trip(tmp_path: Path, run: Callable[[], list[object]]) -> None:
    """Every event comes back equal: money whole, decimals exact, instants aware."""
    assert list(read_events(_written(tmp_path, run()))) == run()


def test_written_as_it_comes(tmp_path: Path) -> None:
    """An outcome is on disk before the run ends, and other events are passed over."""
    path = _written(tmp_path, [sample.started(), Progress(part="edge", state="ready"), sample.with_exponent()])
    assert [type(event).__name__ for event in read_events(path)] == ["RunStarted", "Outcome"]


def test_shape_of_a_line(tmp_path: Path) -> None:
    """A line says its version and event, money in whole minor units and instants in UTC."""
    line = json.loads(_written(tmp_path, [sample.with_exponent("100231")]).read_text())
    assert (line["version"], line["event"]) == (1, "outcome")
    assert line["data"]["findings"][0]["at_risk"] == {"minor": 7920, "currency": "JPY"}
    assert line["data"]["started_at"] == "2026-11-20T09:30:00Z"
    assert line["data"]["dossiers"][0]["order"]["lines"][1]["quantity"] == "2"


def test_half_a_last_line_is_left_out(tmp_path: Path) -> None:
    """A run that was killed while it wrote keeps everything before."""
    path = _written(tmp_path, [sample.started(), sample.healthy("eur", "1")])
    path.write_bytes(path.read_bytes() + b'{"version":1,"event":"outc')
    assert len(list(read_events(path))) == 2


def test_hostile_text_comes_back(tmp_path: Path) -> None:
    """Control characters and markup survive; a lone surrogate, which UTF-8 cannot carry, becomes U+FFFD."""
    for text in sample.HOSTILE:
        (event,) = read_events(_written(tmp_path, [sample.healthy(text, "1")]))
        assert isinstance(event, Outcome)
        assert event.case == text.replace("\ud800", "\ufffd")


def test_secrets_are_masked(tmp_path: Path) -> None:
    """A secret or a card number that a step or an oracle quotes does not reach the file."""
    outcome = sample.with_failed_step()
    step = replace(outcome.steps[0], error='refused: {"api_key": "sk_live_123456"} for card 4242424242424242')
    text = _written(tmp_path, [replace(outcome, steps=(step,))]).read_text()
    assert "sk_live_123456" not in text
    assert "4242424242424242" not in text
    assert "424242******4242" in text


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("nonsense", "no event"),
        ("[1, 2]", "no event"),
        ('{"version": 2, "event": "outcome", "data": {}}', "another version"),
        ('{"version": 1, "event": "outcom", "data": {}}', "did you mean 'outcome'"),
        ('{"version": 1, "event": "run_finished", "data": {"run_id": "1", "exit_code": "0"}}', "wrong field"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, says: str) -> None:
    """A line that is no event is refused with file, line number and what was expected."""
    path = _written(tmp_path, [sample.started()])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UsageError) as refused:
        list(read_events(path))
    assert says in str(refused.value)
    assert f"{path}:2" in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is wrong use, with its name."""
    with pytest.raises(UsageError, match=r"there is no file .*run\.jsonl"):
        list(read_events(tmp_path / "run.jsonl"))
