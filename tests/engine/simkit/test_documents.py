"""State survives what was committed, forgets what was rolled back, and a torn line loses a whole request or nothing."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.simkit import Documents, SeededIds, World
from assay.simkit.clock import from_us, to_us

KEYS = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), KEYS, st.integers(-(2**63), 2**63 - 1)),
        st.tuples(st.just("del"), KEYS),
        st.tuples(st.just("commit")),
        st.tuples(st.just("rollback")),
    ),
    max_size=30,
)


@given(steps=STEPS)
def test_tables_behave_as_one_transaction_after_another(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    """Whatever is set, deleted, committed and rolled back: contents are those of a plain model, live and replayed."""
    path = tmp_path_factory.mktemp("documents") / "log.jsonl"
    documents = Documents(path)
    table = documents.table("t")
    model: dict[str, int] = {}
    kept: dict[str, int] = {}
    for step in steps:
        if step[0] == "set":
            table[step[1]] = model[step[1]] = step[2]
        elif step[0] == "del":
            with contextlib.suppress(KeyError):
                del table[step[1]]
            model.pop(step[1], None)
        elif step[0] == "commit":
            documents.commit()
            kept = dict(model)
        else:
            documents.rollback()
            model = dict(kept)
        assert dict(table) == model
    documents.close()
    again = Documents(path)
    assert dict(again.table("t")) == kept
    again.close()


def test_order_of_first_storing_survives(tmp_path: Path) -> None:
    """Documents come back in the order in which they were first stored, changed ones where they stood."""
    documents = Documents(tmp_path / "log")
    table = documents.table("t")
    for key in "cab":
        table[key] = 1
        documents.commit()
    table["c"] = 2
    documents.commit()
    assert list(table) == list(Documents(tmp_path / "log").table("t")) == ["c", "a", "b"]


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_torn_last_line_loses_that_commit_alone(tmp_path: Path, cut: int) -> None:
    """A write cut short loses its whole commit, keeps those before, and what is written next stays readable."""
    path = tmp_path / "log"
    documents = Documents(path)
    for number in range(3):
        documents.table("t")[f"one-{number}"] = number
        documents.table("u")[f"two-{number}"] = number
        documents.commit()
    documents.close()
    path.write_bytes(path.read_bytes()[:-cut])
    torn = Documents(path)
    assert list(torn.table("t")) == ["one-0", "one-1"]
    assert list(torn.table("u")) == ["two-0", "two-1"]
    torn.table("t")["later"] = 1
    torn.commit()
    torn.close()
    assert list(Documents(path).table("t")) == ["one-0", "one-1", "later"]


def test_a_commit_is_one_line_and_nothing_changed_is_none(tmp_path: Path) -> None:
    """Many changes of one request make one line; a request that changes nothing writes nothing."""
    path = tmp_path / "log"
    documents = Documents(path)
    documents.commit()
    assert path.read_bytes() == b""
    for number in range(10):
        documents.table("t")["same"] = number
    documents.table("u")["x"] = {"name": "Zoë ☕"}
    documents.commit()
    assert path.read_bytes().count(b"\n") == 1
    assert Documents(path).table("u")["x"] == {"name": "Zoë ☕"}


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """State may hold customers' addresses: nobody else on the machine may read it."""
    Documents(tmp_path / "log").close()
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0


def test_clear_empties_tables_and_file(tmp_path: Path) -> None:
    """After a reset nothing is left, in memory or for the next start; tables held by others are empty too."""
    documents = Documents(tmp_path / "log")
    table = documents.table("t")
    table["a"] = 1
    documents.commit()
    table["b"] = 1
    documents.clear()
    assert len(table) == 0
    documents.rollback()
    assert len(table) == 0
    table["c"] = 1
    documents.commit()
    assert dict(Documents(tmp_path / "log").table("t")) == {"c": 1}


def test_without_a_file_nothing_is_written(tmp_path: Path) -> None:
    """A world without a log works and leaves no file."""
    world = World.build()
    world.table("t")["a"] = 1
    world.documents.commit()
    assert world.table("t")["a"] == 1
    assert list(tmp_path.iterdir()) == []


@given(seed=st.integers(0, 2**32), length=st.integers(1, 60))
def test_ids_repeat_for_a_seed_and_never_collide(seed: int, length: int) -> None:
    """The same seed draws the same ids in the same order; ids are of the length asked for, letters and digits."""
    one, other = SeededIds(Documents(), seed), SeededIds(Documents(), seed)
    drawn = [one.token("pi", length) for _ in range(5)]
    assert drawn == [other.token("pi", length) for _ in range(5)]
    assert all(len(each) == length and each.isalnum() and each.isascii() for each in drawn)


def test_ten_thousand_tokens_differ() -> None:
    """No two tokens of one life are the same, within a kind and between kinds and seeds."""
    drawn = {SeededIds(Documents(), seed).token(kind) for seed in range(10) for kind in ("a", "b")}
    ids = SeededIds(Documents(), 99)
    drawn |= {ids.token("a") for _ in range(10_000)}
    assert len(drawn) == 10_020


def test_numbers_count_on_after_a_restart_and_back_after_a_rollback(tmp_path: Path) -> None:
    """The position of ids is state: kept by a commit, taken back by a rollback."""
    documents = Documents(tmp_path / "log")
    ids = SeededIds(documents, 1)
    assert [ids.number("order", 4500), ids.number("order", 4500), ids.number("other")] == [4500, 4501, 1]
    documents.commit()
    assert ids.number("order", 4500) == 4502
    documents.rollback()
    assert ids.number("order", 4500) == 4502
    assert SeededIds(Documents(tmp_path / "log"), 1).number("order", 4500) == 4502


@given(st.integers(0, 2**52))
def test_microseconds_are_exact(micros: int) -> None:
    """Instants and whole microseconds convert both ways without loss."""
    assert to_us(from_us(micros)) == micros
