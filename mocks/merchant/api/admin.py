"""The admin routes, apart from the API: health, settle, reset, settings, defects."""

from __future__ import annotations

import os
from typing import Any

from starlette.responses import Response

from mocks.merchant import times
from mocks.merchant.api.handling import Call, json_response
from mocks.merchant.errors import Refusal
from mocks.merchant.hub.jobs import Runner
from mocks.merchant.seams import UnknownSeam
from mocks.merchant.settings import merge_settings
from mocks.merchant.shop import Shop
from mocks.merchant.start import seed_shop
from mocks.merchant.switches import BrokenDefect, Switchboard, UnknownDefect


class Admin:
    """The remote control of one merchant."""

    def __init__(self, runner: Runner, switchboard: Switchboard) -> None:
        self._runner = runner
        self._switchboard = switchboard
        self.calls = 0

    def health(self, shop: Shop, call: Call) -> dict[str, Any]:
        """Return what the merchant says of itself."""
        due = self._runner.next_due()
        return {
            "system": "merchant",
            "pid": os.getpid(),
            "now": shop.now().isoformat(),
            "next_due": times.parse(due).isoformat() if due else None,
            "calls": self.calls,
        }

    def start(self, shop: Shop, call: Call) -> dict[str, Any]:
        """Begin the background work of a merchant that was configured to wait for this word."""
        self._runner.start()
        return self.health(shop, call)

    def settle(self, shop: Shop, call: Call) -> dict[str, Any]:
        """Run every job due at the simulated instant until none is."""
        ran = self._runner.settle()
        return {"ran": ran, **self.health(shop, call), "failing": self._runner.failing()}

    def reset(self, shop: Shop, call: Call) -> dict[str, Any]:
        """Forget every cart, order and rate, and begin with the catalogue's stock again."""
        with self._runner.paused():
            shop.database.clear()
            seed_shop(shop)
        return self.health(shop, call)

    def settings(self, shop: Shop, call: Call) -> dict[str, Any]:
        """Merge into the shop's settings and return them."""
        shop.settings = merge_settings(shop.settings, call.json())
        return {"settings": {name: value for name, value in shop.settings.items() if "token" not in name}}

    def list_defects(self, shop: Shop, call: Call) -> dict[str, Any]:
        """Return every known defect and whether it is on."""
        return {"defects": self._switchboard.known()}

    def switch_defects(self, shop: Shop, call: Call) -> dict[str, Any] | Response:
        """Switch defects on and off."""
        content = call.json()
        on, off = content.get("on") or [], content.get("off") or []
        try:
            return {"on": self._switchboard.switch(on=on, off=off)}
        except (UnknownDefect, BrokenDefect, UnknownSeam) as error:
            return json_response(422, Refusal(422, "unknown_defect", str(error)).body())
