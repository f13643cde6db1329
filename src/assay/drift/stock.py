"""The shop's stock, counted: on hand, reserved and sellable agree (O-S1), and no hold outlives its time (O-S3).

That the ERP counts the same, less what is on its way out (O-S4), is judged over all articles by the pair `stock` of
monitors/drift/stock.toml, and this check says so. That nothing sold out is offered elsewhere (O-S5) is not evaluated:
no landscape has a second channel.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from assay.drift.checks import check
from assay.drift.look import Look
from assay.drift.options import judged
from assay.drift.twice import seen_twice
from assay.drift.verdicts import quiet, signed
from assay.events import Finding
from assay.oracles import POPULATION_ORACLES, passed
from assay.oracles.stock import counts_agree, off_by
from assay.records import Population, StockCount
from assay.roles import CountsStock
from assay.span import seconds_of

_FORMULA = "on_hand(t) == on_hand(0) + movements; sellable == on_hand - reserved - safety"
_OPENING = "opening"


@check(
    "stock",
    needs=("shop",),
    oracles=("O-S1", "O-S3", "O-S4", "O-S5"),
    judge=judged(spans=("grace", "settle"), counts=("sample",)),
    skus=[],
    sample=25,
    grace="5m",
    settle="10s",
)
def stock(look: Look) -> None:
    """Count articles and look for stock that is not what its movements and holds make it.

    skus: which articles; a sample of the whole catalogue, another each time, where none is named. sample: at most so
    many. grace: how much longer than policies.stock.reservation_ttl_s a hold may be there. settle: what looks wrong is
    counted again after it, and is an alarm where it is wrong by the same number both times.
    """
    look.unjudged("O-S4", "the pair 'stock' judges it, over all articles: assay drift records stock")
    look.unjudged("O-S5", "no second channel sells the shop's stock here")
    if not isinstance(look.landscape.by_role("shop"), CountsStock):
        look.unjudged("O-S1", "the shop's connector has no verb 'stock_count'")
        return
    with look.step("choose articles"):
        skus = _skus(look)
    if not skus:
        look.unjudged("O-S1", "the shop's connector cannot list its articles: name some in the option skus")
        return
    first: dict[str, StockCount] = {}

    def read() -> list[StockCount]:
        counts = _counted(look, skus)
        for count in counts:
            first.setdefault(count.sku, count)
        return counts

    counts = seen_twice(look, read, lambda counts: any(_is_suspect(look, count) for count in counts))
    if not counts:
        quiet(look, "no article that is counted")
        return
    for finding in _judged(look, counts, first):
        look.verdict(finding)
    _measure(look, counts, first)


def _skus(look: Look) -> list[str]:
    """Return the articles that are counted this time, bundles left out: what they are made of is counted."""
    shop = look.landscape.by_role("shop")
    if look.options["skus"]:
        return list(look.options["skus"])
    if not hasattr(shop, "articles"):
        return []
    listed = [each.sku for each in shop.articles(look.judging.base_currency or "EUR") if not each.components]
    chosen = random.Random(look.now().isoformat())  # noqa: S311 (a sample, no secret)
    return sorted(chosen.sample(listed, min(len(listed), int(look.options["sample"]))))


def _counted(look: Look, skus: Sequence[str]) -> list[StockCount]:
    found = []
    for sku in skus:
        look.in_time()
        found += look.gatherer.stock([sku], look.now())
    return found


def _before(count: StockCount, first: StockCount) -> StockCount:
    """Return the count to hold it against: nothing, where its movements begin with the opening, else the first one."""
    if count.movements and count.movements[0].kind == _OPENING:
        return replace(count, on_hand=0, movements=())
    return first


def _is_suspect(look: Look, count: StockCount) -> bool:
    before = _before(count, count)
    # Where movements do not begin with an opening, one count says nothing about them.
    return before is count or any(off_by(before, count)) or bool(_outlived(look, [count]).expected)


def _judged(look: Look, counts: Sequence[StockCount], first: dict[str, StockCount]) -> list[Finding]:
    found = []
    for count in counts:
        earlier = first[count.sku]
        if off_by(_before(count, earlier), count) != off_by(_before(earlier, earlier), earlier) and (
            _before(count, earlier) is not earlier
        ):
            continue  # wrong by another number than before: something was on its way between two reads
        finding = counts_agree(_before(count, earlier), count)
        if finding is not None:
            found.append(signed(finding, "O-S1", count.sku, _FORMULA))
    if not found:
        found.append(signed(passed(), "O-S1", f"{len(counts)} articles", _FORMULA))
    return [*found, _outlived(look, counts)]


def _outlived(look: Look, counts: Sequence[StockCount]) -> Finding:
    judging, now = look.judging, look.now()
    if judging.reservation_ttl is not None:
        grace = timedelta(seconds=seconds_of(look.options["grace"]))
        judging = replace(judging, reservation_ttl=judging.reservation_ttl + grace)
    return POPULATION_ORACLES["O-S3"](Population(since=now, until=now, stock=tuple(counts), read_at=now), judging)


def _measure(look: Look, counts: Sequence[StockCount], first: dict[str, StockCount]) -> None:
    off = [abs(units) for count in counts for units in off_by(_before(count, first[count.sku]), count)]
    look.measure("assay_drift_stock_delta_units", max(off, default=0), sku_class="physical")
    held = [each.at for count in counts for each in count.reservations or () if each.state == "open"]
    oldest = max(((look.now() - at).total_seconds() for at in held), default=0.0)
    look.measure("assay_drift_reservation_age_seconds", max(oldest, 0.0))
