"""How long the shop lets its customers wait, and its vendors the shop (O-L2, O-L3): reads alone, nothing is bought."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from assay.drift.checks import check
from assay.drift.look import Look
from assay.drift.options import judged
from assay.drift.verdicts import quiet
from assay.events import Result
from assay.roles import Offers
from assay.span import seconds_of

_SHOP, _VENDORS = "O-L3", "O-L2"
_LEAST_CALLS = 5
T = TypeVar("T")


@check(
    "latency",
    needs=("shop",),
    oracles=(_SHOP, _VENDORS),
    judge=judged(spans=("limit", "vendor_limit", "window"), counts=("reads",)),
    limit="2s",
    reads=3,
    vendor_limit="5s",
    window="15m",
    sku="",
)
def latency(look: Look) -> None:
    """Time what customers read of the shop, and what the shop waits for at its vendors.

    limit: for the median of so many `reads` of an article, of the catalogue and of the day's orders. vendor_limit: for
    19 of 20 of the platform's calls to a vendor within the window, where the edge saw five or more. sku: the article.
    """
    shop = look.landscape.by_role("shop")
    base = look.judging.base_currency or "EUR"
    limit = seconds_of(look.options["limit"])
    sku = look.options["sku"]
    if hasattr(shop, "articles"):
        listed = _timed(look, "the catalogue", lambda: shop.articles(base), limit)
        sku = sku or next((each.sku for each in listed), "")
    if sku and isinstance(shop, Offers):
        _timed(look, f"article {sku}", lambda: shop.article(sku, base), limit)
    if hasattr(shop, "orders"):
        now = look.now()
        _timed(look, "the orders of a day", lambda: shop.orders(now - timedelta(days=1), now), limit)
    _vendors(look)
    if not any(each.result is not Result.NOT_EVALUATED for each in look.findings):
        look.unjudged(_SHOP, "the shop's connector can read neither articles nor orders")


def _timed(look: Look, what: str, read: Callable[[], T], limit: float) -> T:
    took = []
    with look.step(f"read {what}"):
        for _ in range(int(look.options["reads"])):
            look.in_time()
            began = time.perf_counter()
            found = read()
            took.append(time.perf_counter() - began)
    median = statistics.median(took)
    look.holds(
        median < limit,
        oracle=_SHOP,
        about=f"reading {what}",
        systems=tuple(look.landscape.environment.with_role("shop")),
        expected=f"{what} within {limit:g} s",
        seen=f"{median:.2f} s, the median of {len(took)}",
        cause="the shop asks its database once for each row, or is overloaded",
    )
    return found


def _vendors(look: Look) -> None:
    if look.journal is None:
        look.unjudged(_VENDORS, "no edge stands between the platform and its vendors here")
        return
    limit = seconds_of(look.options["vendor_limit"])
    since = datetime.now(UTC) - timedelta(seconds=seconds_of(look.options["window"]))
    with look.step("read the platform's calls"):
        calls = [call for call in look.journal(since) if call.way != "reverse"]
    for system in dict.fromkeys(call.system for call in calls):
        took = sorted(call.duration_ms / 1000 for call in calls if call.system == system)
        if len(took) < _LEAST_CALLS:
            continue
        slow = took[math.ceil(0.95 * len(took)) - 1]
        look.holds(
            slow < limit,
            oracle=_VENDORS,
            about=f"the platform's calls to {system}",
            systems=(system,),
            expected=f"19 of 20 answered within {limit:g} s",
            seen=f"{slow:.2f} s, of {len(took)} calls",
            cause=f"{system} is slow, and whatever waits for it",
        )
    if not calls:
        quiet(look, "no call of the platform in the window")
