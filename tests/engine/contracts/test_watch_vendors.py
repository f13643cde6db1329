"""The watch over answers of every vendor's shape: what its contract allows is no alarm, what vanishes is missed."""

from __future__ import annotations

import copy
import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from assay.contracts.drawing import Drawing
from assay.contracts.json_shape import JsonShape
from assay.contracts.reading import read_document
from assay.contracts.watch_answer import body_of, path_of
from assay.contracts.watch_judging import Change, Judgement, changes_in
from assay.contracts.watch_memory import Memory, Sighting, learn
from assay.store.learned import LearnedKey, LearnedRow

MOCKS = Path(__file__).resolve().parents[3] / "mocks"
VENDORS = ("adyen", "frankfurter", "merchant", "paypal", "sap_s4hana", "stripe", "ups")
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
LEARNED, POOL = 200, 80


def shapes_of(vendor: str) -> Iterator[tuple[str, JsonShape]]:
    """Return the answers of a vendor's contract that are JSON, by operation."""
    file = MOCKS / vendor / ("openapi.yaml" if vendor == "merchant" else "contract.yaml")
    for operation in read_document(file, source=str(file)).operations:
        for status, answer in operation.responses.items():
            for shape in answer.shapes.values():
                if status.startswith("2") and isinstance(shape, JsonShape):
                    yield operation.name, shape


class Answers:
    """Answers drawn from one shape, ten minutes apart, and what is learned of them."""

    def __init__(self, shape: JsonShape, random: Random) -> None:
        self.random = random
        drawing = Drawing(shape.schema, random, deepest=4)
        self.pool = [drawing.value() for _ in range(POOL)]
        self.memory: Memory = {}
        self.at = BEGAN

    def come(self, number: int, without: tuple[str, str] | None = None) -> None:
        """Learn from so many more, each without one member of a container."""
        for _ in range(number):
            value = self.random.choice(self.pool)
            if without is not None:
                value = copy.deepcopy(value)
                remove(value, "", *without)
            self.at += timedelta(minutes=10)
            self.memory = learn(self.memory, Sighting(at=self.at, body=body_of(json.dumps(value))))

    def changes(self) -> Sequence[Change]:
        """Return what breaks a reader."""
        row = LearnedRow(key=LearnedKey("v", "o", 200), memory=self.memory, changed_at=self.at)
        return [each for each in changes_in([row], Judgement(now=self.at)) if each.level == "breaking"]

    def member(self) -> tuple[str, str] | None:
        """Draw a member that a quarter of the answers or more had, of a container that all of them have."""
        found = [
            (container, name)
            for container, kept in self.memory["places"].items()
            for name, stat in kept["members"].items()
            if name != "{}" and kept["n"] >= LEARNED and stat["k"] >= LEARNED / 4
        ]
        return self.random.choice(sorted(found)) if found else None


def remove(value: Any, at: str, container: str, name: str) -> None:
    """Take a member out of every object of a container."""
    if isinstance(value, dict):
        if at == container:
            value.pop(name, None)
        for key, each in value.items():
            remove(each, path_of(at, key), container, name)
    elif isinstance(value, list):
        for each in value:
            remove(each, f"{at}[]", container, name)


def tried(vendor: str, operations: int) -> tuple[list[int], list[str]]:
    """Return after how many answers a vanished member was missed, by operation, and the false alarms before."""
    numbers, alarms = [], []
    for number, (operation, shape) in enumerate(shapes_of(vendor)):
        if number >= operations:
            break
        answers = Answers(shape, Random(number))
        answers.come(LEARNED + 100)
        alarms += [f"{vendor} {operation}: {each.path} {each.seen}" for each in answers.changes()]
        gone = answers.member()
        if gone is None:
            continue
        missed = 101
        for come in range(1, 101):
            answers.come(1, gone)
            if path_of(*gone) in [each.path for each in answers.changes() if each.kind == "removed"]:
                missed = come
                break
        numbers.append(missed)
    return numbers, alarms


@pytest.mark.parametrize(
    ("vendor", "operations"),
    [("paypal", 3), *(pytest.param(each, 20, marks=pytest.mark.full, id=each) for each in VENDORS)],
)
def test_an_optional_field_gone_is_missed_in_answers_of_every_vendor(vendor: str, operations: int) -> None:
    """Whatever a vendor's answers look like, a vanished field is missed within 100, and nothing else is called gone."""
    numbers, alarms = tried(vendor, operations)
    sys.stdout.write(
        f"\n{vendor}: {len(numbers)} operations, found within 100 in {sum(each <= 100 for each in numbers)}, after "
        f"{statistics.median(numbers):g} in the median, {max(numbers)} at most; {len(alarms)} false alarms\n"
    )
    assert numbers
    assert max(numbers) <= 100
    assert alarms == []
