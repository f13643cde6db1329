"""The merchant's surroundings in one object: clock, database, log, settings, catalogue, clients and signals."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from mocks.merchant import times
from mocks.merchant.audit import Log
from mocks.merchant.database import Database
from mocks.merchant.ids import new_secret
from mocks.merchant.settings import Config
from mocks.merchant.storefront.price_list import PriceList

if TYPE_CHECKING:
    from assay.simkit import SimClock
    from mocks.merchant.clients.adyen_client import AdyenGateway
    from mocks.merchant.clients.ecb_client import EcbClient
    from mocks.merchant.clients.frankfurter_client import FrankfurterClient
    from mocks.merchant.clients.gateway import Gateway
    from mocks.merchant.clients.paypal_client import PaypalGateway
    from mocks.merchant.clients.sap_client import SapClient
    from mocks.merchant.clients.stripe_client import StripeGateway
    from mocks.merchant.clients.ups_client import UpsClient
    from mocks.merchant.storefront.catalogue import Catalogue

_Row = TypeVar("_Row")
_Result = TypeVar("_Result")
_WORKERS = 4  # vendors answer in milliseconds: a few calls at once fill the waiting, more would only queue


@dataclass(slots=True)
class Shop:
    """What every part of the merchant works with. `settings` may be exchanged while it runs."""

    config: Config
    clock: SimClock
    database: Database
    log: Log
    settings: Mapping[str, Any]
    catalogue: Catalogue
    stripe: StripeGateway
    adyen: AdyenGateway
    paypal: PaypalGateway
    sap: SapClient
    ups: UpsClient
    ecb: EcbClient
    frankfurter: FrankfurterClient
    price_list: PriceList = field(default_factory=PriceList)
    forms: dict[str, str] = field(default_factory=dict)  # card fields of Adyen's form, never written down
    secrets_given: Iterator[int] = field(default_factory=itertools.count)
    outbox_wake: threading.Event = field(default_factory=threading.Event)
    workers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_WORKERS, "worker"))

    def gateway(self, name: str) -> Gateway:
        """Return a payment gateway by its name. Raises `ValueError` for what is none, as a bank transfer."""
        known: dict[str, Gateway] = {"stripe": self.stripe, "adyen": self.adyen, "paypal": self.paypal}
        if name not in known:
            raise ValueError(f"'{name}' is no payment gateway")
        return known[name]

    def new_secret(self) -> str:
        """Return a token nobody can guess; in a repeatable shop, the next that follows from its seed."""
        repeatable = self.settings["repeatable"]
        return new_secret(f"{self.config.seed}:{next(self.secrets_given)}" if repeatable else None)

    def for_each(self, work: Callable[[_Row], _Result], rows: Iterable[_Row]) -> Iterable[_Result]:
        """Work on every row, some at once; in a repeatable shop one after the other."""
        return [work(row) for row in rows] if self.settings["repeatable"] else self.workers.map(work, rows)

    def now(self) -> datetime:
        """Return the simulated instant."""
        return self.clock.now()

    def now_iso(self) -> str:
        """Return the simulated instant as it is stored."""
        return times.iso(self.clock.now())

    def later_iso(self, seconds: float) -> str:
        """Return the instant that many simulated seconds from now as it is stored."""
        return times.later(self.clock.now(), seconds)
