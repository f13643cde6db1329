"""The figures of one comparison: how many records, how many differ and in which way, what they are worth, how old."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from assay.drift.pairs.model import Class
from assay.drift.pairs.rate_file import Rates, in_base
from assay.drift.pairs.reconciling import Reconciled
from assay.drift.watching.kept import Watched
from assay.events import Measure
from assay.money import Money
from assay.monitor import Severity

PREFIX = "assay_drift_pair_"
SEVERITIES: Mapping[Severity | None, int] = {None: 0, "info": 1, "ticket": 2, "page": 3}
"""How severe the last verdict is, as a number: 0 is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What amounts are worth together: by the rates at hand, in the base currency where one is declared."""

    base: str | None
    rates: Rates
    day: date

    def of(self, amounts: Mapping[str, Money]) -> Money | None:
        """Return the sum; None without a base currency, or where no rate is known of any of them."""
        if self.base is None:
            return None
        total, without = in_base(amounts, self.base, self.rates, self.day)
        return None if amounts and len(without) == len(amounts) else total


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All of it. classes: of what is open. age: of the oldest open difference, since it was first found."""

    pair: str
    at: datetime
    left: int
    right: int
    found: int
    pending: int
    classes: Mapping[Class, int]
    at_risk: Mapping[str, Money]
    in_base: Money | None
    age: timedelta

    @classmethod
    def of(cls, found: Reconciled, worth: Worth) -> Figures:
        """Return the figures of a comparison that could be read whole."""
        outcome = found.outcome
        classes = dict(outcome.classes)
        for difference, _ in found.open.accepted:
            classes[difference.classed] -= 1
        seen = found.confirmed.seen if found.confirmed is not None else {}
        first = min((seen[each.key] for each in found.open.left if each.key in seen), default=outcome.at)
        return cls(
            pair=outcome.pair.name,
            at=outcome.at,
            left=outcome.counts.left,
            right=outcome.counts.right,
            found=found.open.found,
            pending=len(found.confirmed.pending) if found.confirmed is not None else 0,
            classes=classes,
            at_risk=found.at_risk,
            in_base=worth.of(found.at_risk),
            age=max(outcome.at - first, timedelta()),
        )

    def watched(self, before: Watched) -> Watched:
        """Return what is kept for the next run."""
        return Watched(
            clean_at=before.clean_at if self.found else self.at, currencies=before.currencies | set(self.at_risk)
        )

    def measures(self, severity: Severity | None, kept: Watched) -> Iterator[Measure]:
        """Yield them as metrics; a currency that was at risk once and is no more is told as nothing."""
        yield self._one("records", self.left, side="left")
        yield self._one("records", self.right, side="right")
        for classed in Class:
            yield self._one("differences", self.classes.get(classed, 0), **{"class": classed.value})
        yield self._one("pending", self.pending)
        for code in sorted(kept.currencies):
            amount = self.at_risk.get(code)
            yield self._one("at_risk_minor", amount.minor if amount else 0, currency=code)
        if self.in_base is not None:
            yield self._one("at_risk_base_minor", self.in_base.minor, currency=self.in_base.currency)
        yield self._one("oldest_age_seconds", self.age.total_seconds() if self.found else 0.0)
        if kept.clean_at is not None:
            yield self._one("clean_age_seconds", max((self.at - kept.clean_at).total_seconds(), 0.0))
        yield self._one("severity", SEVERITIES[severity])

    def _one(self, name: str, value: float, **labels: str) -> Measure:
        return Measure(name=f"{PREFIX}{name}", value=value, labels={"pair": self.pair, **labels})
