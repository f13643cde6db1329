"""What the digest lets pass without a look, a look at the whole rows lets pass, too: no shortcut decides anything."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from assay.drift.pairs.model import Field, Kind
from assay.drift.pairs.plan import digest as plan
from assay.rounding import Rounding
from tests.engine.drift.two_sides import amounts, classes, compared, field, pair_of

# Of each kind something good, something that looks like another kind's, and what no kind can read.
VALUES = (
    *("", "0", "-1", "1.5", "1.50", "0012", "12", "19.90", "19.905", "1990", "199000", "400000000000000", "9" * 30),
    *("1e400", "NaN", "inf", "true", "X", "no", "é", "e\u0301", "p", "q", "\x1fno status of the right", "{}", "["),
    *("2026-07-01", "20260701", "2026-07-01T12:00:00Z", "2026-07-01T14:00:00+02:00", "2026-07-01 12:00:01"),
    *("0000-00-00", "99999-01-01 00:00:00", '[{"s":1},{"s":2}]', '[{"s":2},{"s":1.0}]', None),
)
UNIT = Rounding(tax_included=True, level="unit", mode="half_up")
TOTAL = Rounding(tax_included=True, level="total", mode="half_up")


def _few() -> Iterator[Field]:
    yield field(Kind.STATUS, statuses={"p": "q", "q": "1.5"})
    yield field(Kind.INSTANT, skew=timedelta(seconds=2))
    yield field(Kind.MONEY, left_amounts=amounts("minor"), right_amounts=amounts("major"), rate="rate")


def _all() -> Iterator[Field]:
    yield from _few()
    for kind in (Kind.IDENTIFIER, Kind.TEXT, Kind.NUMBER, Kind.INSTANT, Kind.DATE, Kind.FLAG):
        yield field(kind)
    yield field(Kind.NUMBER, scale=2)
    yield field(Kind.INSTANT, right_zone="Europe/Berlin", skew=timedelta(seconds=1))
    yield field(Kind.DATE, left_zone="Asia/Tokyo")
    yield field(Kind.LINES, members=("s:number",))
    for mine, theirs, fixed, rate in itertools.product(
        ("minor", "major"), ("minor", "major"), (None, "EUR"), (None, "rate")
    ):
        yield field(
            Kind.MONEY,
            left_amounts=amounts(mine, rounding=UNIT),
            right_amounts=amounts(theirs, fixed=fixed, rounding=TOTAL),
            quantity="units",
            rate=rate,
            extras=(),
        )


def _rows(draw: random.Random, count: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    left, right = [], []
    for number in range(count):
        mine, theirs = draw.choice(VALUES), draw.choice(VALUES)
        code, other = draw.choice(["EUR", "JPY", "KWD", "XXX", None]), draw.choice(["EUR", "USD", None])
        units, rate = draw.choice(["1", "3", None, "x"]), draw.choice(["1", "0.01", "100", "0", None, "0.0061"])
        left.append({"id": str(number), "value": mine, "currency": code, "units": units, "rate": rate})
        right.append(
            {
                "id": str(number),
                "value": mine if draw.random() < 0.5 else theirs,
                "currency": code if draw.random() < 0.8 else other,
            }
        )
    return left, right


@pytest.mark.parametrize(
    ("fields", "count"), [(_few, 200), pytest.param(_all, 1500, marks=pytest.mark.full)], ids=["few", "all"]
)
def test_looking_at_every_row_finds_the_same(fields: Any, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn values of every sort, judged by digest and judged whole: the same keys, each by the same class."""
    draw = random.Random(7)
    for each in fields():
        left, right = _rows(draw, count)
        found = []
        for alike in (None, "false"):

            def digest(*sides: Any, alike: str | None = alike, **more: Any) -> Any:
                made = plan(*sides, **more)
                return made if alike is None else replace(made, alike=alike)

            monkeypatch.setattr("assay.drift.pairs.engine.digest", digest)
            found.append(classes(compared(pair_of(each), left, right)))
        assert found[0] == found[1], each
        assert found[0]
