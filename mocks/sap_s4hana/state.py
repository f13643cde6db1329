"""The state of the simulator: its world, the rows of all services, and what several rules need of both."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from assay.simkit import Call, World
from assay.simkit.odata import EntityStore, ODataFault, Row
from assay.simkit.odata.values import wire_date, wire_instant, wire_ms
from mocks.sap_s4hana.model_delivery import DELIVERY_MODEL
from mocks.sap_s4hana.model_journal import JOURNAL_MODEL
from mocks.sap_s4hana.model_master import PARTNER_MODEL, PRODUCT_MODEL, STOCK_MODEL
from mocks.sap_s4hana.model_sales import SALES_MODEL, SALES_ORDER

HOST = "my300000-api.s4hana.cloud.sap"
MODELS = (SALES_MODEL, DELIVERY_MODEL, STOCK_MODEL, PRODUCT_MODEL, PARTNER_MODEL, JOURNAL_MODEL)


class SapState:
    """Rows by entity set (`store`) over the injected world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = EntityStore(world, MODELS)

    def base_url(self, call: Call) -> str:
        """Return the host the caller used; settings `base_url` overrides it."""
        fixed = self.world.settings.get("base_url")
        if fixed:
            return str(fixed).rstrip("/")
        host = call.headers.get("host", HOST)
        return f"https://{host}" if host.endswith(".s4hana.cloud.sap") else f"http://{host}"

    def seconds(self, name: str, default: float) -> timedelta:
        """Return a duration from the settings, in simulated time."""
        return timedelta(seconds=float(self.world.settings.get(name, default)))

    def uuid(self, kind: str) -> str:
        """Return the next GUID of this kind, repeatable for the same seed."""
        digits = self.world.ids.token(kind, 32).encode().hex()[:32]
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def business_error(code: str, message: str, *, target: str = "") -> ODataFault:
    """Return the fault of a request that is well formed but that the application refuses (HTTP 400, as SAP answers)."""
    return ODataFault(400, code, message, target=target)


def changed(state: SapState, order: Row, **values: Any) -> Row:
    """Store an order's next version, with a change stamp later than its last."""
    now = state.world.now()
    stamp = wire_instant(now)
    last = order["LastChangeDateTime"]
    if last is not None and wire_ms(last) >= wire_ms(stamp):
        stamp = f"/Date({wire_ms(last) + 1}+0000)/"
    return state.store.put(SALES_ORDER, {**order, **values, "LastChangeDate": today(now), "LastChangeDateTime": stamp})


def today(instant: datetime) -> str:
    """Return the day of an instant on the wire; this system keeps UTC."""
    return wire_date(instant.date())
