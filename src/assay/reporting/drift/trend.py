"""How a pair came out over its last comparisons: a chart, a small line, and the figures themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from assay.reporting.status.charts import SPANS, Chart, Spark, series_chart, whole
from assay.reporting.text import instant, plural

if TYPE_CHECKING:
    from assay.drift.pairs.trend import Compared

_ROWS, _SPARK = 12, 40


@dataclass(frozen=True, slots=True)
class TrendRow:
    """One comparison, fit to print."""

    at: str
    records: str
    open: str
    beside: str
    at_risk: tuple[str, ...]
    unread: bool


@dataclass(frozen=True, slots=True)
class TrendView:
    """The comparisons of a pair. words: the trend in a sentence; chart, spark: None where there is one comparison."""

    words: str
    chart: Chart | None
    spark: Spark | None
    rows: tuple[TrendRow, ...]


def trend_of(history: Sequence[Compared], at: datetime) -> TrendView:
    """Return the comparisons up to an instant; history is oldest first."""
    known = [each for each in history if each.at <= at]
    read = [each for each in known if not each.unread]
    if len(known) < 2:
        words = "This is the first comparison that is kept; the trend begins with the next one."
        return TrendView(words, None, None, tuple(map(_row, known)))
    span = next((each for each in SPANS if known[0].at > at - each.back), SPANS[-1])
    shown = [each for each in read if each.at > at - span.back]
    chart = series_chart(
        "Records that differ", [(each.at, each.open) for each in shown], span, at, whole, is_time=False
    )
    return TrendView(_words(known, read), chart, _spark(read), tuple(map(_row, reversed(known[-_ROWS:]))))


def _words(known: Sequence[Compared], read: Sequence[Compared]) -> str:
    begin = f"{plural(len(known), 'comparison')} since {instant(known[0].at)}"
    unread = len(known) - len(read)
    more = f"; {unread:,} could not read all of both sides and {'is' if unread == 1 else 'are'} not on the line"
    if not read:
        return f"{begin}, none of which could read all of both sides."
    worst = max(read, key=lambda each: each.open)
    said = f"{begin}: {read[0].open:,} differed first, {read[-1].open:,} last"
    if worst.open > max(read[0].open, read[-1].open):
        said += f", {worst.open:,} at most on {instant(worst.at)}"
    if not read[-1].open:
        said += "; none differs now"
    elif good := [each for each in read if not each.open]:
        said += f"; without a difference last on {instant(good[-1].at)}"
    return f"{said}{more if unread else ''}."


def _spark(read: Sequence[Compared]) -> Spark | None:
    last = read[-_SPARK:]
    if len(last) < 2:
        return None
    most = max(each.open for each in last)
    top = max(most, 1)
    step = 116 / (len(last) - 1)
    path = "M" + "L".join(f"{2 + place * step:.1f} {25 - 22 * each.open / top:.1f}" for place, each in enumerate(last))
    words = f"last {len(last)} comparisons: {last[0].open:,} first, {most:,} at most"
    return Spark(path, (), f"{words}, {last[-1].open:,} last")


def _row(each: Compared) -> TrendRow:
    beside = [(each.accepted, "accepted"), (each.pending, "pending"), (each.in_flight, "in flight")]
    return TrendRow(
        at=instant(each.at),
        records=f"{each.left:,} / {each.right:,}",
        open=f"{each.open:,}",
        beside=", ".join(f"{count:,} {word}" for count, word in beside if count),
        at_risk=tuple(map(str, each.at_risk.values())),
        unread=bool(each.unread),
    )
