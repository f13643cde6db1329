"""Everything the detectors say over one history, as alarms: each cause once, with where it shows and since when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from assay.drift.distribution.alarm import ALL, Alarm, Feature, Point, Shift, Stream
from assay.drift.distribution.amounts import Gross, watch_amounts
from assay.drift.distribution.history import Amounts, Counts, History, Levels
from assay.drift.distribution.levels import Charted, series_of, watch_levels
from assay.drift.distribution.rates import watch_rates

_POINTS = 28
_MIXES = (Feature.CURRENCY_MIX, Feature.CARRIER_MIX, Feature.ERROR_MIX)


@dataclass(frozen=True, slots=True)
class Judged:
    """A history with what every detector says of each of its days; it begins with the first half of a day.

    gross holds, for each window, what is wrong with whole amounts then.
    """

    history: History
    charts: tuple[Charted, ...]
    gross: tuple[tuple[Gross, ...], ...]

    @property
    def days(self) -> int:
        """How many whole days there are."""
        return len(self.charts[0].alarm)

    @property
    def is_learned(self) -> bool:
        """Whether anything was ever known well enough to be judged."""
        return any(bool(chart.judged.any()) for chart in self.charts)

    @property
    def until(self) -> datetime:
        """When the last window ended."""
        return self.history.windows[-1].until

    def judged_features(self) -> set[Feature]:
        """Return the features of which at least one stream had enough orders on the last day, and is known."""
        return {
            stream.feature
            for chart in self.charts
            for column, stream in enumerate(chart.streams)
            if len(chart.judged) and chart.judged[-1, column]
        }

    def alarms(self, day: int = -1) -> list[Alarm]:
        """Return what is off at the end of a day, the last by default; amounts that are grossly off come first."""
        day = range(self.days)[day]
        last = len(self.gross) - 1 if day == self.days - 1 else 2 * day + 1  # this morning tells, too
        found = [self._of_gross(each) for each in self.gross[last]] if last >= 0 else []
        taken = {each.stream.segment for each in found}
        taken |= {ALL} if taken else set()
        for chart in self.charts:
            for column in np.flatnonzero(chart.alarm[day]):
                stream = chart.streams[column]
                if stream.feature is Feature.BASKET_VALUE and stream.segment in taken:
                    continue  # whoever moves the point moves the mean
                found.append(self._of_day(chart, day, int(column)))
        return list(_merged(_together(_explained(found))))

    def scores(self) -> dict[Feature, float]:
        """Return by feature how far it is from its usual course now, 1 at the limit."""
        found: dict[Feature, float] = {}
        for chart in self.charts:
            for column, stream in enumerate(chart.streams):
                score = abs(float(np.nan_to_num(chart.score[-1, column]))) if len(chart.score) else 0.0
                found[stream.feature] = max(found.get(stream.feature, 0.0), score)
        for each in self.gross[-1] if self.gross else ():
            found[Feature.BASKET_VALUE] = max(found.get(Feature.BASKET_VALUE, 0.0), each.score)
        return found

    def _of_day(self, chart: Charted, day: int, column: int) -> Alarm:
        stream, since = chart.streams[column], max(int(chart.since[day, column]), 0)
        first = max(day - _POINTS + 1, 0)
        return Alarm(
            shift=Shift.SHARE if stream.feature in _MIXES else chart.shift,
            stream=stream,
            since=self.history.windows[2 * since].since,
            usual=float(chart.usual[day, column]),
            seen=float(chart.usual[day, column] + chart.off[day, column]),
            score=abs(float(chart.score[day, column])),
            sample=int(chart.sample[since : day + 1, column].sum()),
            factor=10 ** float(chart.off[day, column])
            if stream.feature in (Feature.BASKET_VALUE, Feature.LATENCY)
            else None,
            markets=self._markets(stream, since, day),
            points=tuple(
                Point(self.history.windows[2 * each + 1].until, *map(float, (chart.seen[each, column], usual)))
                for each in range(first, day + 1)
                if not np.isnan(usual := chart.usual[each, column])
            ),
        )

    def _of_gross(self, gross: Gross) -> Alarm:
        amounts = self.history.amounts
        one = gross.column < len(amounts.names)
        stream = Stream(Feature.BASKET_VALUE, amounts.names[gross.column] if one else ALL)
        return Alarm(
            shift=gross.shift,
            stream=stream,
            since=self.history.windows[gross.since].since,
            usual=gross.usual,
            seen=gross.seen,
            score=gross.score,
            sample=gross.sample,
            factor=gross.factor,
            part=gross.part,
            markets=() if gross.shift is Shift.OUTLIERS else self._markets(stream, gross.since // 2, gross.at // 2),
            points=tuple(
                Point(self.history.windows[row].until, float(amounts.median[row, gross.column]), gross.usual)
                for row in range(max(gross.at - _POINTS + 1, 0), gross.at + 1)
                if one and amounts.count[row, gross.column]
            ),
        )

    def _markets(self, stream: Stream, since: int, day: int) -> tuple[str, ...]:
        """Return the markets of a currency whose values moved; none where all of them did, or nobody knows."""
        if stream.feature is not Feature.BASKET_VALUE:
            return ()
        levels = self.history.levels
        own = [
            number
            for number, each in enumerate(levels.streams)
            if each.feature is Feature.BASKET_VALUE and each.segment.startswith(f"{stream.segment}/")
        ]
        before, after = slice(max(2 * since - 56, 0), 2 * since), slice(2 * since, 2 * day + 2)
        moved = {}
        for number in own:
            usual, seen = (_level(levels, number, part) for part in (before, after))
            if usual is not None and seen is not None:
                moved[levels.streams[number].segment.partition("/")[2]] = abs(seen - usual)
        most = max(moved.values(), default=0.0)
        there = tuple(name for name, off in sorted(moved.items()) if off > most / 2)
        return there if len(there) < len(moved) or len(moved) == 1 else ()


def judge(history: History) -> Judged:
    """Let every detector look at a history; a first window that is the second half of a day is left out."""
    if history.windows and history.windows[0].half:
        history = _from(history, 1)
    whole = _from(history, 0, len(history.windows) // 2 * 2)
    levels, busy = watch_levels(series_of(whole), whole.volume)
    charts = (levels, watch_rates(whole.rates, busy))
    return Judged(history, charts, tuple(map(tuple, watch_amounts(history.amounts))))


def _from(history: History, first: int, last: int | None = None) -> History:
    part = slice(first, last)
    amounts, levels = history.amounts, history.levels
    return History(
        history.windows[part],
        history.volume[part],
        Amounts(
            amounts.names,
            amounts.count[part],
            amounts.mean[part],
            amounts.median[part],
            amounts.spread[part],
            amounts.histogram[part],
        ),
        Levels(levels.streams, levels.count[part], levels.mean[part], levels.spread[part]),
        *(Counts(each.streams, each.hits[part], each.cases[part]) for each in (history.shares, history.rates)),
    )


def _level(levels: Levels, number: int, part: slice) -> float | None:
    count = levels.count[part, number]
    if count.sum() < 20:
        return None
    return float((np.nan_to_num(levels.mean[part, number]) * count).sum() / count.sum())


def _explained(alarms: Sequence[Alarm]) -> list[Alarm]:
    """Leave out the mix of errors of a system that has more of them: it is what those are."""
    failing = {each.stream.segment for each in alarms if each.stream.feature is Feature.ERROR_RATE}
    mixed = Feature.ERROR_MIX
    return [
        each
        for each in alarms
        if each.stream.feature is not mixed or each.stream.segment.partition(": ")[0] not in failing
    ]


def _together(alarms: Sequence[Alarm]) -> list[Alarm]:
    """Tell a value that moved in all currencies once, and one that moved in some of them of these alone."""
    levels = [each for each in alarms if each.shift is Shift.LEVEL and each.stream.feature is Feature.BASKET_VALUE]
    whole = next((each for each in levels if each.stream.segment == ALL), None)
    if whole is None:
        return list(alarms)
    off = whole.seen - whole.usual
    alone = [each for each in levels if each is not whole and (each.seen - each.usual) / off >= 2]
    along = [each for each in levels if each is not whole and 0 < (each.seen - each.usual) / off < 2]
    dropped = [whole] if alone else along
    return [each for each in alarms if not any(each is other for other in dropped)]


def _merged(alarms: Sequence[Alarm]) -> Iterator[Alarm]:
    """Tell a mix once: by the part that moved the most, with the others beside it."""
    mixes: dict[tuple[Feature, str], list[Alarm]] = {}
    for alarm in alarms:
        if alarm.shift is not Shift.SHARE:
            yield alarm
            continue
        own = alarm.stream.segment.partition(": ")[0] if ": " in alarm.stream.segment else ""
        mixes.setdefault((alarm.stream.feature, own), []).append(alarm)
    for together in mixes.values():
        first, *rest = sorted(together, key=lambda each: abs(each.seen - each.usual), reverse=True)
        others = tuple((each.stream.segment, each.usual, each.seen) for each in rest)
        values = {name: getattr(first, name) for name in Alarm.__dataclass_fields__}
        yield Alarm(**{**values, "others": others, "since": min(each.since for each in together)})
