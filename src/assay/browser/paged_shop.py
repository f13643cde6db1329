"""The base of a connector for a shop that is driven by its pages: three functions to fill in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar, TypeVar

from assay.browser.visit import Visit
from assay.browser.window import Browser
from assay.errors import SafetyError, UsageError
from assay.records import Order
from assay.roles import Http, Purchase

T = TypeVar("T")
SCREENS = Path("reports") / "out" / "screens"
"""Where pictures of pages that went wrong are put, below the folder the command is run in."""


class PagedShop(ABC):
    """A shop of role ``shop`` over its pages: fill in `buy`, `read` and `listed`.

    Each is given a `Visit`, a window of its own with nobody signed in, and returns what `assay.roles.Shop` wants. A
    further ability (messages, articles, …) is a further method that calls `visit`. patience_s: how long a verb waits
    for what it needs. proxy: the company's proxy, where the shop is reached by one.
    """

    patience_s: ClassVar[float] = 10.0
    proxy: ClassVar[str | None] = None

    def __init__(self, http: Http, credentials: Mapping[str, str]) -> None:
        self.credentials = credentials
        self._http = http
        base_url = getattr(http, "base_url", None)
        if not isinstance(base_url, str):
            raise UsageError("nobody told the browser where the shop is", expected="a client with a base_url")
        self._browser = Browser(base_url, patience_s=self.patience_s, screens=SCREENS, proxy=self.proxy)

    @abstractmethod
    def buy(self, page: Visit, purchase: Purchase) -> str:
        """Buy as a customer does, and return the shop's reference of the order."""

    @abstractmethod
    def read(self, page: Visit, ref: str) -> Order:
        """Return the order as the shop's own people see it; raise `LookupError` when the shop does not know it."""

    @abstractmethod
    def listed(self, page: Visit, since: datetime, until: datetime) -> Sequence[Order]:
        """Return all orders placed in [since, until), page after page."""

    def place(self, purchase: Purchase) -> str:
        """Buy, and return the shop's reference of the order."""
        return self.visit(lambda page: self.buy(page, purchase))

    def order(self, ref: str) -> Order:
        """Return the order; raises `LookupError` when the shop does not know it."""
        return self.visit(lambda page: self.read(page, ref))

    def orders(self, since: datetime, until: datetime) -> Sequence[Order]:
        """Return all orders placed in [since, until)."""
        return self.visit(lambda page: self.listed(page, since, until))

    def visit(self, work: Callable[[Visit], T]) -> T:
        """Carry out a visit, one at a time; where only reading is allowed, nothing else leaves the browser."""
        return self._browser.visit(work, refusal=self._refusal())

    def close(self) -> None:
        """Close the browser."""
        self._browser.close()

    def _refusal(self) -> SafetyError | None:
        """Return why nothing may be written now, if so: asked here, in the thread of the flow that is permitted."""
        allow = getattr(self._http, "allow", None)
        if allow is None:
            return None
        try:
            allow("POST", "/")
        except SafetyError as refused:
            return refused
        return None
