"""F25: rates are fetched, checked, applied in every store, and disclosed, whatever the publisher does meanwhile.

Each case has something happen to the publication of rates and then buys in a foreign currency. All of them act alone:
what a publisher does reaches every customer. In production the flow reads the rates of every store and ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.flow import Case, Run, flow
from assay.roles import Erp, Storefront
from scenarios.buying import Gateways, paid_by, see_booked, see_captured
from scenarios.f25_ways import FIRST, OTHER, WAYS, Feed, stores_of

_YEN: Mapping[str, Any] = {"to": "JP"}
CASES: tuple[Case, ...] = tuple(
    paid_by("F25", name, currency, goods, alone=True, notes={"way": way, "store": store}, **more)
    for name, way, currency, goods, store, more in (
        ("stale_200", "frozen", "JPY", ("A-101", 1), FIRST, _YEN),
        ("missing_pair", "missing", "JPY", ("A-102", 1), FIRST, _YEN),
        ("provider_down", "down", "USD", ("B-201", 1), FIRST, {"to": "US"}),
        ("inverse", "inverse", "JPY", ("C-304", 2), OTHER, _YEN),
        ("jump", "jump", "INR", ("D-401", 2), OTHER, {"to": "IN"}),
        ("four_digits", "digits", "IDR", ("E-500", 1), OTHER, {}),
        ("dynamic", "quiet", "JPY", ("F-600", 1), OTHER, _YEN),
        ("dynamic_huf", "quiet", "HUF", ("F-604", 1), OTHER, {}),
        ("weekend", "weekend", "GBP", ("G-701", 1), FIRST, {"to": "GB"}),
        ("holiday", "holiday", "KRW", ("H-801", 1), FIRST, {}),
    )
)


@flow(
    id="F25",
    title="Rates and repricing",
    cases=CASES,
    tags=["money", "rates", "order"],
    read_only=True,
    production_cut="read the rates of every store",
)
def rate_feed(run: Run, shop: Storefront, gateways: Gateways, erp: Erp) -> None:
    """Have something happen to the publication, buy under it, and see the shop take over what comes next."""
    wanted = run.case.purchase
    with run.step("read the rates of every store"):
        stores = stores_of(shop)
        for store in stores.stores():
            quoted = {rate.quote for rate in stores.store_rates(store)}
            run.check(wanted.currency in quoted, f"store {store} has a rate for {wanted.currency}")
    run.cancel_asked = False
    ref = WAYS[wanted.extra["way"]](Feed(run, shop, gateways))
    see_captured(run, shop, gateways, ref)
    see_booked(run, shop, erp, ref)
