"""Compared pairs as the page and the exports are handed them: one with all there is, and one for each empty state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from assay.drift.pairs.accepted import Accepted, Open
from assay.drift.pairs.model import (
    Amounts,
    Apart,
    Cause,
    Class,
    Counts,
    Crowd,
    Difference,
    Field,
    Hop,
    Kind,
    Outcome,
    Pair,
    Side,
    Trace,
    Way,
)
from assay.drift.pairs.pending import Confirmed
from assay.drift.pairs.reconciling import Reconciled
from assay.drift.pairs.trend import Compared
from assay.errors import UsageError
from assay.money import Money
from assay.reporting.drift import Told, render_records
from assay.reporting.html import template_folders

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script><img src=//evil.example/x onerror=alert(2)>\u202e\x00 \ud800 </bdi></td>"
PAIR = Pair(
    name="orders",
    about="Every order of the shop stands in the ERP",
    left=Side(system="merchant", source={"kind": "listing", "listing": "orders"}, key=("number",), placed="placed_at"),
    right=Side(system="sap_s4hana", source={"kind": "listing", "listing": "documents"}, key=("order_ref",)),
    fields=(
        Field(
            name="total",
            kind=Kind.MONEY,
            left="total",
            right="TotalNetAmount",
            left_amounts=Amounts(currency_column="currency"),
            right_amounts=Amounts(unit="major", currency="EUR"),
        ),
        Field(name="status", kind=Kind.STATUS, left="status", right="Status", statuses={"shipped": "C"}),
        Field(name="email", kind=Kind.IDENTIFIER, left="email", right="Mail"),
    ),
    window=timedelta(days=7),
    grace=timedelta(minutes=15),
)
ACCEPTED = Accepted(
    pair="orders", owner="finance", reason="booked by hand", until=date(2026, 12, 31), where="orders.toml:7"
)
LEFT = {"number": "R-1", "ref": "7d1c", "total": 1990, "currency": "EUR", "status": "shipped", "email": "x@y.example"}
RIGHT = {"order_ref": "R-1", "TotalNetAmount": "16.58", "Status": "C", "Mail": "x@y.example", "SalesOrder": "71"}
WAY = Way(
    hops=(
        Hop(name="merchant", trace=Trace.RIGHT, said="it says 1990", at=NOW - timedelta(hours=3)),
        Hop(name="merchant to sap_s4hana", trace=Trace.UNSEEN, said="it carries neither value in words of its own"),
        Hop(name="sap_s4hana", trace=Trace.WRONG, said="it says 16.58", at=NOW - timedelta(hours=2)),
    ),
    field="total",
    first="sap_s4hana",
    after="merchant",
    sentence="wrong after merchant, first at sap_s4hana: it says 16.58",
)


def differs(key: str, *, text: str = "16.58", **more: Any) -> Difference:
    """Return a record whose total is another one in the ERP."""
    right = {**RIGHT, "order_ref": key, "TotalNetAmount": text}
    apart = Apart(field="total", left="1990", right=text, cause=Cause.TAX, why="merchant's without 20 % tax")
    given: dict[str, Any] = {
        "key": (key,),
        "classed": Class.DIFFERS,
        "fields": (apart,),
        "left": {**LEFT, "number": key},
        "right": right,
        "left_at": NOW - timedelta(hours=1),
        "right_at": NOW - timedelta(hours=2),
        "left_placed": NOW - timedelta(hours=3),
        "at_risk": Money(332, "EUR"),
        "cause": Cause.TAX,
        "why": "total is merchant's without 20 % tax",
    }
    return Difference(**{**given, **more})


def missing(key: str, worth: Money) -> Difference:
    """Return a record the ERP does not have."""
    return Difference(
        key=(key,),
        classed=Class.MISSING,
        left={**LEFT, "number": key},
        copies=(1, 0),
        at_risk=worth,
        left_placed=NOW - timedelta(hours=5),
    )


def everything(pair: Pair = PAIR) -> Told:
    """Return a pair with all that a page can show of one."""
    spaces = Apart(field="email", left="x@y.example", right="x@y.example ", why="a space at the end")
    of_all = [
        differs("R-1", way=WAY),
        differs("R-60", text=HOSTILE, why=HOSTILE),
        *(differs(f"R-{number}") for number in range(2, 60)),
        differs("R-61", fields=(spaces,), right={**RIGHT, "order_ref": "R-61", "Mail": "x@y.example "}),
        *(missing(f"M-{number}", Money(5000, "JPY")) for number in range(4)),
    ]
    pending = [missing("P-1", Money(100, "USD"))]
    outcome = came(
        pair,
        of_all,
        crowds=[
            Crowd(
                sentence="all 59 that differ in total: merchant's without 20 % tax",
                cause=Cause.TAX,
                classed=Class.DIFFERS,
                field="total",
                of=59,
                among=59,
            )
        ],
    )
    known = [differs("R-99")]
    return Told(
        Reconciled(
            outcome,
            Open(len(of_all), [(known[0], [ACCEPTED])], [(replace(ACCEPTED, until=date(2026, 11, 1)), 3)], of_all),
            confirmed=Confirmed(
                outcome=outcome, pending=pending, settled=2, lag=timedelta(minutes=4), seen={("P-1",): NOW}
            ),
            news=("sap_s4hana answers otherwise since 2026-11-22 08:00 UTC: `d.NetAmount` is gone",),
        ),
        history=history([0, 0, 3, 12, 66]),
        together="together 250.00 EUR",
    )


def came(
    pair: Pair,
    differences: Sequence[Difference],
    *,
    crowds: Sequence[Crowd] = (),
    unread: Sequence[str] = (),
    records: int = 1_000,
) -> Outcome:
    """Return an outcome of so many records with these differences."""
    classes: dict[Class, int] = {}
    fields: dict[str, int] = {}
    for each in differences:
        classes[each.classed] = classes.get(each.classed, 0) + 1
        for apart in each.fields:
            fields[apart.field] = fields.get(apart.field, 0) + 1
    gone = classes.get(Class.MISSING, 0)
    return Outcome(
        pair=pair,
        at=NOW,
        since=NOW - timedelta(days=7),
        until=NOW,
        counts=Counts(
            left=records, right=records - gone, matched=records - gone, only_left=gone, only_right=0, in_flight=3
        ),
        classes=classes,
        fields=fields,
        differences=differences,
        crowds=crowds,
        unread=tuple(unread),
    )


def healthy(pair: Pair = PAIR) -> Told:
    """Return a pair of which nothing differs."""
    return Told(Reconciled(came(pair, ()), Open(0, (), (), ())), history=history([0, 0]))


def unread(pair: Pair = PAIR) -> Told:
    """Return a pair of which one side was empty."""
    outcome = came(pair, (), unread=["nothing was read from sap_s4hana"])
    return Told(Reconciled(outcome, Open(0, (), (), ())))


def history(found: Sequence[int]) -> list[Compared]:
    """Return comparisons an hour apart, the last one now."""
    return [
        Compared(
            at=NOW - timedelta(hours=len(found) - 1 - place),
            left=1_000,
            right=1_000,
            open=count,
            at_risk={"EUR": Money(332 * count, "EUR")} if count else {},
            unread=int(place == 1),
        )
        for place, count in enumerate(found)
    ]


def page_of(*told: Told, failed: Mapping[str, str] | None = None) -> str:
    """Return the page of these pairs; failed: why pairs were not compared, by name."""
    broken = [(name, "A pair that is broken", UsageError(why)) for name, why in (failed or {}).items()]
    return render_records(told, broken, at=NOW, environment="staging", folders=template_folders())


STATES: Mapping[str, Any] = {
    "everything": lambda: page_of(everything()),
    "several": lambda: page_of(
        everything(),
        healthy(replace(PAIR, name="prices")),
        unread(replace(PAIR, name="stock")),
        failed={"ledger": "nobody knows where 'stripe' is"},
    ),
    "nothing differs": lambda: page_of(healthy()),
    "not read": lambda: page_of(unread()),
    "not compared": lambda: page_of(failed={"ledger": "nobody knows where 'stripe' is"}),
    "no pair": page_of,
}
