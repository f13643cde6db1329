"""Differences that are known: accepted by somebody, for a reason, until a day. Past it they are found again.

[[accepted]]
pair = "shop_erp_orders"
key = "R-2025-*"                # * stands for any text; without a key, of all records
field = "total"                 # without one, of any field and of records that are missing, too
cause = "tax in or out"         # or class = "missing"
owner = "finance"
reason = "Orders of 2025 were booked net; the ledger is closed."
until = 2026-12-31              # the last day
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase

from assay.drift.pairs.model import Apart, Cause, Class, Difference, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One entry: which differences of a pair, why, by whom, and the last day. None means any."""

    pair: str
    owner: str
    reason: str
    until: date
    key: tuple[str, ...] | None = None
    field: str | None = None
    classed: Class | None = None
    cause: Cause | None = None
    where: str = ""

    def is_over(self, today: date) -> bool:
        """Whether its last day is past: from then on it accepts nothing."""
        return today > self.until

    def names(self, difference: Difference) -> bool:
        """Whether key and class are those it speaks of."""
        if self.classed not in (None, difference.classed):
            return False
        if self.key is None:
            return True
        return len(self.key) == len(difference.key) and all(map(_fits, difference.key, self.key))

    def covers(self, difference: Difference, apart: Apart | None) -> bool:
        """Whether it is the reason of one field of a difference, or of a difference without fields."""
        if not self.names(difference):
            return False
        if apart is None:
            return self.field is None and self.cause in (None, difference.cause)
        return self.field in (None, apart.field) and self.cause in (None, apart.cause)


@dataclass(frozen=True, slots=True)
class Open:
    """What is left of an outcome once known differences are taken off.

    found: how many differ without a live reason, those not held in the outcome among them. accepted: each difference
    that has one, with its entries. over: entries whose last day is past, and how many differences they would cover.
    """

    found: int
    accepted: Sequence[tuple[Difference, Sequence[Accepted]]]
    over: Sequence[tuple[Accepted, int]]
    left: Sequence[Difference]


def without_accepted(outcome: Outcome, entries: Sequence[Accepted], today: date) -> Open:
    """Take off what is accepted on this day. A difference counts as accepted when each of its fields is."""
    own = [each for each in entries if each.pair == outcome.pair.name]
    live, past = [each for each in own if not each.is_over(today)], [each for each in own if each.is_over(today)]
    accepted, left = [], []
    over = dict.fromkeys(range(len(past)), 0)
    for difference in outcome.differences:
        reasons = _reasons(difference, live)
        if reasons:
            accepted.append((difference, reasons))
            continue
        left.append(difference)
        for place, each in enumerate(past):
            over[place] += any(each.covers(difference, apart) for apart in difference.fields or (None,))
    return Open(
        found=outcome.found - len(accepted),
        accepted=accepted,
        over=[(each, over[place]) for place, each in enumerate(past)],
        left=left,
    )


def _reasons(difference: Difference, live: Sequence[Accepted]) -> list[Accepted]:
    """Return one entry for each field of a difference; none where a field has no entry."""
    reasons: list[Accepted] = []
    for apart in difference.fields or (None,):
        reason = next((each for each in live if each.covers(difference, apart)), None)
        if reason is None:
            return []
        if reason not in reasons:
            reasons.append(reason)
    return reasons


def _fits(text: str, pattern: str) -> bool:
    """Whether a text fits a pattern in which the star alone is special."""
    return text == pattern or ("*" in pattern and fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]")))
