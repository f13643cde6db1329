"""Reasons for deviations are read whole or refused with the entry, and cover just the places they name."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from assay.contracts.known import Known, known_file, read_known
from assay.contracts.model import Deviation, Problem
from assay.errors import UsageError
from assay.runners.conformance.known import Known as KnownFailure

ENTRY = """
[[deviation]]
operation = "POST /v1/*"
direction = "answer"
problem = "value outside the documented set"
path = "data[].status"
reason = "the vendor answers it"
"""


def entries(folder: Path, text: str) -> list[Known]:
    """Read the reasons of a text."""
    file = folder / "deviations.toml"
    file.write_text(text)
    return list(read_known(file))


def test_an_entry_covers_its_place_and_no_other(tmp_path: Path) -> None:
    """Operation, direction, problem and path must all fit; `*` stands for any text, brackets for themselves."""
    (known,) = entries(tmp_path, ENTRY)
    here = Deviation(Problem.ENUM, "data[].status")
    assert known.covers("POST /v1/refunds", "answer", here)
    assert not known.covers("GET /v1/refunds", "answer", here)
    assert not known.covers("POST /v1/refunds", "request", here)
    assert not known.covers("POST /v1/refunds", "answer", Deviation(Problem.TYPE, "data[].status"))
    assert not known.covers("POST /v1/refunds", "answer", Deviation(Problem.ENUM, "data.status"))
    (wide,) = entries(tmp_path, ENTRY.replace("data[].status", "data[].*"))
    assert wide.covers("POST /v1/refunds", "answer", here)
    assert not wide.covers("POST /v1/refunds", "answer", Deviation(Problem.ENUM, "datad.status"))


@pytest.mark.parametrize(
    ("pattern", "text", "does"),
    [
        ("GET /a*", "GET /a/b", True),
        ("GET /a", "GET /a", True),
        ("GET /a?b=*", "GET /a?b=1", True),
        ("GET /a?b=*", "GET /a/b=1", False),
        ("GET /a", "GET /A", False),
    ],
)
def test_both_lists_know_one_kind_of_pattern(tmp_path: Path, pattern: str, text: str, does: bool) -> None:
    """In the list of deviations and in that of known failures only the star stands for other text."""
    (known,) = entries(tmp_path, ENTRY.replace("POST /v1/*", pattern))
    failure = KnownFailure(operation=pattern, check="*", owner="me", reason="x", until=date(2026, 11, 23))
    assert known.covers(text, "answer", Deviation(Problem.ENUM, "data[].status")) is does
    assert failure.fits(text, "answer") is does


@pytest.mark.parametrize(
    ("was", "is_now", "said"),
    [
        ('reason = "the vendor answers it"', "", "'reason' is missing"),
        ("reason", "raeson", "did you mean 'reason'"),
        ('"answer"', '"reply"', "request, answer"),
        (
            "value outside the documented set",
            "value outside the set",
            "did you mean 'value outside the documented set'",
        ),
        ("[[deviation]]", "[[deviations]]", "did you mean 'deviation'"),
        ('"data[].status"', "7", "'path' is a text"),
        ("[[deviation]]", "[[deviation", "no TOML"),
    ],
)
def test_a_wrong_list_is_refused_with_the_place(tmp_path: Path, was: str, is_now: str, said: str) -> None:
    """A misspelt or missing key, an unknown direction or problem: the file and what was meant are named."""
    with pytest.raises(UsageError) as refused:
        entries(tmp_path, ENTRY.replace(was, is_now))
    assert said in str(refused.value)
    assert str(tmp_path / "deviations.toml") in str(refused.value)


def test_each_contract_has_a_list_of_its_own() -> None:
    """The list of contract.yaml is deviations.toml, that of another file is named for it."""
    assert known_file(Path("mocks/stripe/contract.yaml")) == Path("mocks/stripe/deviations.toml")
    assert known_file(Path("carrier.yaml")) == Path("carrier.deviations.toml")
