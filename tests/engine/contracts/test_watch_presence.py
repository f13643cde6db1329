"""A field that vanished is found by its presence rate, within 100 answers, and healthy answers are no alarm."""

from __future__ import annotations

import json
import random
import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assay.contracts.watch_answer import body_of
from assay.contracts.watch_judging import Change, Judgement, changes_in, has_more_nulls, is_gone
from assay.contracts.watch_memory import Memory, Sighting, learn
from assay.store.learned import LearnedKey, LearnedRow

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
APART = timedelta(minutes=10)
KEY = LearnedKey("stripe", "GET /v1/charges", 200)
LEARNED = 200
"""Answers from which the rates are learned: 33 hours of them."""


def rates_of(draw: random.Random) -> dict[str, float]:
    """Draw how often each of twenty optional fields is there: some always, none in fewer than a quarter of answers."""
    rates = {f"field_{letter}": draw.uniform(0.25, 1.0) for letter in "abcdefghijklmnop"}
    return rates | {"always_a": 1.0, "always_b": 1.0, "nearly_a": 0.99, "rare_a": 0.25}


def answer(draw: random.Random, rates: dict[str, float], gone: str = "") -> str:
    """Draw an answer: a charge with optional fields, one level down, some of them null at times."""
    details = {
        name: draw.choice((None, 7, 8, 9)) for name, rate in rates.items() if draw.random() < rate and name != gone
    }
    return json.dumps({"id": draw.randrange(10**9), "status": "paid", "details": details})


class Stream:
    """Answers of one operation, ten minutes apart, and what is learned of them."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.rates = rates_of(self.draw)
        self.memory: Memory = {}
        self.at = BEGAN

    def answers(self, number: int, *, gone: str = "") -> None:
        """Learn from so many more."""
        for _ in range(number):
            self.takes(answer(self.draw, self.rates, gone))

    def takes(self, text: str) -> None:
        """Learn from one answer."""
        self.at += APART
        self.memory = learn(self.memory, Sighting(at=self.at, body=body_of(text)))

    def changes(self, **more: Any) -> Sequence[Change]:
        """Say what has changed."""
        return changes_in([LearnedRow(key=KEY, memory=self.memory, changed_at=self.at)], Judgement(now=self.at, **more))


def answers_until_missed(seed: int) -> tuple[float, int]:
    """Let a drawn field vanish; return its rate, and how many answers later it is missed (101: not within 100)."""
    stream = Stream(seed)
    stream.answers(LEARNED)
    gone = stream.draw.choice(sorted(stream.rates))
    for number in range(1, 101):
        stream.answers(1, gone=gone)
        found = [each for each in stream.changes() if each.kind == "removed"]
        if found:
            assert [each.path for each in found] == [f"details.{gone}"]
            return stream.rates[gone], number
    return stream.rates[gone], 101


@pytest.mark.parametrize("number", [25, pytest.param(100, marks=pytest.mark.full)])
def test_an_optional_field_gone_is_missed_within_100_answers(number: int) -> None:
    """In each of the seeded trials a field that was in a quarter of the answers or more is missed within 100."""
    trials = [answers_until_missed(seed) for seed in range(number)]
    numbers = [number for _, number in trials]
    sys.stdout.write(
        f"\nfield gone: found within 100 answers in {sum(number <= 100 for number in numbers)} of {len(numbers)} "
        f"trials, after {statistics.median(numbers):g} answers in the median, {max(numbers)} at most\n"
    )
    assert max(numbers) <= 100, max(trials, key=lambda each: each[1])


def alarms(seeds: range, answers: int) -> list[str]:
    """Return what is wrongly called a change: healthy answers, judged after every tenth."""
    found = []
    for seed in seeds:
        stream = Stream(10_000 + seed)
        stream.answers(LEARNED)
        for _ in range(answers // 10):
            stream.answers(10)
            wrong = [f"seed {seed}: {each.path} {each.problem} {each.seen}" for each in stream.changes()]
            if wrong:
                found.append(wrong[0])
                break
    return found


def test_healthy_answers_are_no_alarm() -> None:
    """Of ten healthy trials none has an alarm in 200 answers over twenty optional fields."""
    assert alarms(range(10), 200) == []


@pytest.mark.full
def test_a_thousand_healthy_trials_have_no_alarm() -> None:
    """Of 1,000 healthy trials at most one has an alarm; the number is printed."""
    found = alarms(range(1_000), 200)
    sys.stdout.write(f"\nhealthy: {len(found)} false alarms in 1,000 trials of {LEARNED} + 200 answers, 20 fields\n")
    assert len(found) <= 1, found


def test_what_was_always_there_is_missed_after_five_answers() -> None:
    """The test knows how sure it may be: the more it has seen, the sooner it misses; too little is never enough."""
    assert is_gone(100, 100, 5, 0)
    assert not is_gone(100, 100, 3, 0)
    assert not is_gone(29, 29, 100, 0), "29 answers are not learned yet"
    assert not is_gone(300, 400, 40, 20), "as long an absence has been before, nearly"
    assert not is_gone(5, 400, 100, 10), "a hundred answers without what one in eighty has"


def test_nulls_that_become_more_are_told_and_steady_ones_are_not() -> None:
    """A jump from one null in fifty to half is told within 50 answers; what was half null before stays quiet."""
    assert has_more_nulls((8, 400), (25, 50))
    assert not has_more_nulls((200, 400), (27, 50))
    assert not has_more_nulls((8, 400), (3, 50))
    assert not has_more_nulls((0, 20), (50, 50)), "20 values are not learned yet"
