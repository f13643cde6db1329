"""Charts as figures: the template draws what is worked out here, once wide and once for a telephone.

Text in a picture that is scaled down cannot be read, so each size is laid out by itself. What a chart shows stands in a
table as well.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from assay.events import ProbeResult
from assay.reporting.text import duration
from assay.store.probe_hours import Hour


@dataclass(frozen=True, slots=True)
class Span:
    """A span people choose: its name in the address, how far back it goes, and how much one bar stands for."""

    key: str
    label: str
    back: timedelta
    step: timedelta

    def begin(self, now: datetime) -> datetime:
        """Return where the first bar begins, so that the last one holds now."""
        seconds = self.step.total_seconds()
        last = math.floor(now.timestamp() / seconds) * seconds
        count = round(self.back / self.step)
        return datetime.fromtimestamp(last - (count - 1) * seconds, UTC)


SPANS = (
    Span("24h", "24 hours", timedelta(hours=24), timedelta(hours=1)),
    Span("7d", "7 days", timedelta(days=7), timedelta(hours=4)),
    Span("90d", "90 days", timedelta(days=90), timedelta(days=1)),
)


def short(value: float) -> str:
    """Return a figure that fits beside an axis: ``7,940``, ``12.5 k``, ``1 M``."""
    if abs(value) >= 1_000_000:
        return f"{value / 1_000_000:,.4g} M"
    if abs(value) >= 10_000:
        return f"{value / 1_000:.4g} k"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def whole(value: float) -> str:
    """Return a number of things beside an axis; between two of them stands nothing."""
    return "" if value % 1 else short(value)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What the runs of one bar came to, and how long they took; None where none ran."""

    start: datetime
    end: datetime
    passed: int
    failed: int
    unjudged: int
    p50: float | None
    p95: float | None
    slowest: float | None

    @property
    def runs(self) -> int:
        """How many runs there were."""
        return self.passed + self.failed + self.unjudged


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: where it stands, its parts from the bottom as (class, y, height), and its words."""

    x: float
    width: float
    parts: tuple[tuple[str, float, float], ...]
    words: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of an axis. end: the label is anchored at its end, so that the last one stays within."""

    at: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Plot:
    """One size of a chart: the frame, both axes, and lines as (class, path) or bars."""

    size: str
    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[tuple[str, str], ...] = ()
    dots: tuple[tuple[str, float, float], ...] = ()
    bars: tuple[Bar, ...] = ()
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart in its sizes, and in words for who does not see it."""

    title: str
    words: str
    plots: tuple[Plot, ...]


_SIZES = (("wide", 1060, 200, 64), ("narrow", 330, 180, 52))
_TOP, _BOTTOM = 10, 26


def buckets_of(hours: Sequence[Hour], span: Span, now: datetime) -> list[Bucket]:
    """Return the bars of a span, those without runs too, from hourly summaries."""
    begin = span.begin(now)
    count = round(span.back / span.step)
    groups: list[list[Hour]] = [[] for _ in range(count)]
    for hour in hours:
        place = (hour.start - begin) // span.step
        if 0 <= place < count:
            groups[place].append(hour)
    return [_bucket(group, begin + number * span.step, span.step) for number, group in enumerate(groups)]


def verdict_chart(buckets: Sequence[Bucket], span: Span) -> Chart:
    """Return the verdicts over time: each bar is the share of its runs that passed, failed, or could not be judged."""
    bad = [bucket for bucket in buckets if bucket.failed or bucket.unjudged]
    runs, failed = sum(bucket.runs for bucket in buckets), sum(bucket.failed for bucket in buckets)
    unjudged = sum(bucket.unjudged for bucket in buckets)
    words = f"{runs:,} runs in {span.label}: {failed:,} failed, {unjudged:,} without a verdict."
    if bad:
        words += f" The last bar that is not all passed begins {_moment(bad[-1].start, span)} UTC."
    plots = [_verdict_plot(buckets, span, *size) for size in _SIZES]
    return Chart("Verdicts", words, tuple(plots))


def latency_chart(buckets: Sequence[Bucket], span: Span, objective_s: float | None) -> Chart:
    """Return how long runs took: the median and what 95 in 100 stayed under, with the promised limit."""
    known = [bucket for bucket in buckets if bucket.p50 is not None]
    if not known:
        return Chart("Latency", "No run was timed in this span.", ())
    last, slowest = known[-1], max(known, key=lambda bucket: bucket.p95 or 0.0)
    words = (
        f"Median {duration(last.p50 or 0.0)} and 95th percentile {duration(last.p95 or 0.0)} in the last bar; the "
        f"highest 95th percentile was {duration(slowest.p95 or 0.0)}, {_moment(slowest.start, span)} UTC."
    )
    if objective_s is not None:
        words += f" Promised: {duration(objective_s)}."
    top = max([bucket.p95 or 0.0 for bucket in known] + ([objective_s] if objective_s else []))
    plots = []
    for size in _SIZES:
        frame = _frame(size)
        y_ticks, scale = _y_axis(top, frame, lambda seconds: duration(seconds) if seconds else "0 s")
        step = (frame.right - frame.left) / len(buckets)
        middles = [frame.left + (number + 0.5) * step for number in range(len(buckets))]
        p95, dots95 = _path(middles, [bucket.p95 for bucket in buckets], scale)
        p50, dots50 = _path(middles, [bucket.p50 for bucket in buckets], scale)
        plots.append(
            _filled(
                frame,
                x_ticks=_x_axis(buckets[0].start, buckets[-1].end, span, frame),
                y_ticks=y_ticks,
                lines=(("p95", p95), ("p50", p50)),
                dots=(*(("p95", x, y) for x, y in dots95), *(("p50", x, y) for x, y in dots50)),
                limit=scale(objective_s) if objective_s is not None else None,
            )
        )
    return Chart("Latency", words, tuple(plots))


def series_chart(
    title: str,
    points: Sequence[tuple[datetime, float]],
    span: Span,
    now: datetime,
    written: Callable[[float], str],
    *,
    is_time: bool,
) -> Chart:
    """Return one figure over time; points are oldest first. is_time: values are seconds."""
    if not points:
        return Chart(title, "Nothing was measured in this span.", ())
    values = [value for _, value in points]
    words = f"Last {written(values[-1])}, lowest {written(min(values))}, highest {written(max(values))}."
    begin, end = now - span.back, now
    plots = []
    for size in _SIZES:
        frame = _frame(size)
        y_ticks, scale = _y_axis(max(values), frame, written, least=min(values), is_time=is_time)
        width = frame.right - frame.left
        shown = _thinned(points, round(width / 2))
        xs = [frame.left + max(0.0, (at - begin) / (end - begin)) * width for at, _ in shown]
        path, dots = _path(xs, [value for _, value in shown], scale)
        ticks = _x_axis(begin, end, span, frame)
        plots.append(
            _filled(
                frame, x_ticks=ticks, y_ticks=y_ticks, lines=(("p50", path),), dots=tuple(("p50", *dot) for dot in dots)
            )
        )
    return Chart(title, words, tuple(plots))


def beside_chart(title: str, points: Sequence[tuple[datetime, float, float]], written: Callable[[float], str]) -> Chart:
    """Return what was seen over time beside what was expected, dashed; points are oldest first.

    The axis begins near the lowest figure: what is watched moves by a few per cent.
    """
    if len(points) < 2:
        return Chart(title, "There are too few points for a line.", ())
    (begin, _, _), (end, seen, usual) = points[0], points[-1]
    words = (
        f"Last {written(seen)}, where {written(usual)} is usual; {len(points)} points since {begin:%Y-%m-%d %H:%M} UTC."
    )
    span = next((each for each in SPANS if end - begin <= each.back), SPANS[-1])
    figures = [figure for point in points for figure in point[1:]]
    plots = []
    for size in _SIZES:
        frame = _frame(size)
        y_ticks, scale = _near_axis(min(figures), max(figures), frame, written)
        xs = [frame.left + (at - begin) / (end - begin) * (frame.right - frame.left) for at, _, _ in points]
        seen_line, _ = _path(xs, [figure for _, figure, _ in points], scale)
        usual_line, _ = _path(xs, [figure for _, _, figure in points], scale)
        lines = (("p95", usual_line), ("p50", seen_line))
        plots.append(_filled(frame, x_ticks=_x_axis(begin, end, span, frame), y_ticks=y_ticks, lines=lines))
    return Chart(title, words, tuple(plots))


@dataclass(frozen=True, slots=True)
class Spark:
    """A small line of the last runs, 120 wide and 28 high, and the runs that did not pass on it."""

    path: str
    marks: tuple[tuple[float, float], ...]
    words: str


def spark_of(took: Sequence[tuple[float, bool]]) -> Spark | None:
    """Return the last runs' times, oldest first, each with whether it passed; None where there are too few."""
    if len(took) < 2:
        return None
    top = max(*(seconds for seconds, _ in took), 1e-6)
    step = 116 / (len(took) - 1)
    spots = [(2 + number * step, 25 - 22 * seconds / top) for number, (seconds, _) in enumerate(took)]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
    marks = tuple(spot for spot, (_, is_good) in zip(spots, took, strict=True) if not is_good)
    bad = f", {len(marks)} did not pass" if marks else ""
    return Spark(path, marks, f"last {len(took)} runs: up to {duration(top)}{bad}")


def _bucket(hours: Sequence[Hour], start: datetime, step: timedelta) -> Bucket:
    joined = Hour.joined(start, hours)
    passed, failed = (joined.counts.get(result, 0) for result in (ProbeResult.PASSED, ProbeResult.FAILED))
    return Bucket(
        start,
        start + step,
        passed,
        failed,
        sum(joined.counts.values()) - passed - failed,
        joined.quantile(0.5),
        joined.quantile(0.95),
        joined.latency_max_s if joined.latency_buckets else None,
    )


def _verdict_plot(buckets: Sequence[Bucket], span: Span, size: str, width: int, height: int, left: int) -> Plot:
    frame = _frame((size, width, height - 60, left))
    step = (frame.right - frame.left) / len(buckets)
    tall = frame.bottom - frame.top
    gap = min(2.0, step * 0.2)
    bars = []
    for number, bucket in enumerate(buckets):
        words = f"{_moment(bucket.start, span)}: {bucket.runs} runs, {bucket.failed} failed"
        if bucket.unjudged:
            words += f", {bucket.unjudged} without a verdict"
        parts = _stacked(bucket, frame.top, tall)
        bars.append(Bar(frame.left + number * step + gap / 2, step - gap, parts, words))
    y_ticks = (Tick(frame.bottom, "0 %"), Tick((frame.top + frame.bottom) / 2, "50 %"), Tick(frame.top, "100 %"))
    return _filled(
        frame, x_ticks=_x_axis(buckets[0].start, buckets[-1].end, span, frame), y_ticks=y_ticks, bars=tuple(bars)
    )


def _frame(size: tuple[str, int, int, int]) -> Plot:
    name, width, height, left = size
    return Plot(name, width, height, left, width - 8, _TOP, height - _BOTTOM, (), ())


def _filled(
    frame: Plot,
    *,
    x_ticks: tuple[Tick, ...],
    y_ticks: tuple[Tick, ...],
    lines: tuple[tuple[str, str], ...] = (),
    dots: tuple[tuple[str, float, float], ...] = (),
    bars: tuple[Bar, ...] = (),
    limit: float | None = None,
) -> Plot:
    return Plot(
        frame.size, frame.width, frame.height, frame.left, frame.right, frame.top, frame.bottom, x_ticks, y_ticks,
        lines, dots, bars, limit,
    )  # fmt: skip


def _stacked(bucket: Bucket, top: float, tall: float) -> tuple[tuple[str, float, float], ...]:
    """Return the parts of a bar from the top: failed, without a verdict, passed; one failure in thousands is seen."""
    parts, y, left = [], top, tall
    for name, count in (("fail", bucket.failed), ("open", bucket.unjudged)):
        if count:
            high = left if count == bucket.runs else min(left, max(tall * count / bucket.runs, 4.0))
            parts.append((name, y, high))
            y, left = y + high, left - high
    if bucket.passed:
        parts.append(("pass", y, left))
    return tuple(parts)


_GRID_H = {"24h": (1, 2, 3, 4, 6, 8, 12), "7d": (24, 48, 72, 96), "90d": (7 * 24, 14 * 24, 21 * 24, 28 * 24)}


def _x_axis(begin: datetime, end: datetime, span: Span, frame: Plot) -> tuple[Tick, ...]:
    """Mark round instants, as many as labels fit."""
    width, seconds = frame.right - frame.left, (end - begin).total_seconds()
    room = 84 if frame.size == "wide" else 60
    fitting = [hours * 3600 for hours in _GRID_H[span.key] if hours * 3600 / seconds * width >= room]
    step = fitting[0] if fitting else _GRID_H[span.key][-1] * 3600
    first = math.ceil(begin.timestamp() / step) * step
    ticks = []
    for at in range(first, math.floor(end.timestamp()) + 1, step):
        x = frame.left + (at - begin.timestamp()) / seconds * width
        anchor = "start" if x < frame.left + 20 else "end" if x > frame.right - 20 else "middle"
        ticks.append(Tick(x, _label(datetime.fromtimestamp(at, UTC), span), anchor))
    return tuple(ticks)


def _label(start: datetime, span: Span) -> str:
    return start.strftime("%H:%M") if span.key == "24h" else f"{start.day} {start:%b}"


def _moment(start: datetime, span: Span) -> str:
    return start.strftime("%Y-%m-%d") if span.key == "90d" else start.strftime("%Y-%m-%d %H:%M")


def _y_axis(
    top: float, frame: Plot, written: Callable[[float], str], *, least: float = 0.0, is_time: bool = True
) -> tuple[tuple[Tick, ...], Callable[[float], float]]:
    """Return marks at round figures from 0 (or below, for negative figures) and the scale."""
    low = min(0.0, least)
    step = _round_step((max(top, 0.0) - low) / 3, is_time=is_time)
    first, last = math.floor(low / step), math.ceil(max(top, 0.0) / step)
    last = max(last, first + 1)

    def scale(value: float) -> float:
        return frame.bottom - (value / step - first) / (last - first) * (frame.bottom - frame.top)

    return tuple(Tick(scale(number * step), written(number * step)) for number in range(first, last + 1)), scale


def _near_axis(
    low: float, high: float, frame: Plot, written: Callable[[float], str]
) -> tuple[tuple[Tick, ...], Callable[[float], float]]:
    """Return marks at round figures around what is shown, and the scale."""
    step = _round_step((high - low) / 3 or abs(high) / 3, is_time=False)
    first = math.floor(low / step)
    last = max(math.ceil(high / step), first + 1)

    def scale(value: float) -> float:
        return frame.bottom - (value / step - first) / (last - first) * (frame.bottom - frame.top)

    return tuple(Tick(scale(number * step), written(number * step)) for number in range(first, last + 1)), scale


_TIMES_S = (60, 120, 300, 600, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800)


def _round_step(step: float, *, is_time: bool) -> float:
    if step <= 0:
        return 1.0
    if is_time and 30 < step < _TIMES_S[-1]:
        return float(_TIMES_S[bisect_left(_TIMES_S, step)])
    size = 10.0 ** math.floor(math.log10(step))
    return size * (1, 2, 5, 10)[min(3, bisect_right((1.0, 2.0, 5.0), step / size - 1e-9))]


def _path(
    xs: Sequence[float], values: Sequence[float | None], scale: Callable[[float], float]
) -> tuple[str, list[tuple[float, float]]]:
    """Return a path with a gap where there is no value, and the spots that stand alone between two gaps."""
    parts, alone, run = [], [], []
    for x, value in [*zip(xs, values, strict=True), (0.0, None)]:
        if value is not None:
            run.append((x, scale(value)))
            continue
        if len(run) == 1:
            alone.append(run[0])
        elif run:
            parts.append("M" + "L".join(f"{at:.1f} {y:.1f}" for at, y in run))
        run = []
    return "".join(parts), alone


def _thinned(points: Sequence[tuple[datetime, float]], most: int) -> Sequence[tuple[datetime, float]]:
    """Return at most so many points; of several that share one the one farthest from 0 stays, so no peak is lost."""
    if len(points) <= most:
        return points
    size = math.ceil(len(points) / most)
    return [max(points[at : at + size], key=lambda point: abs(point[1])) for at in range(0, len(points), size)]
