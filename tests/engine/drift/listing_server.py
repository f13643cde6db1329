"""A shop whose orders are listed over HTTP by pages, and written to while somebody reads: what extraction is tested by.

Pages go by offset, or by the last order seen; the list is sorted by when orders were placed, or last changed.
"""

from __future__ import annotations

import json
import random
import threading
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from assay.drift.extracting import ListingRows, Systems
from assay.drift.pairs.sources.landing import Landing
from assay.drift.pairs.sources.options import ListingOptions
from assay.errors import InfrastructureError
from assay.http import Client, RateBudget, open_client
from assay.money import Money
from assay.records import Order, StateChange
from assay.roles import Http

START = datetime(2026, 11, 1, tzinfo=UTC)
_OPEN: list[Client] = []


@dataclass
class Shop:
    """Orders by id, as (placed, changed, version) in seconds after START; `after_answer` writes between two pages."""

    page: int = 50
    orders: dict[int, list[float]] = field(default_factory=dict)
    after_answer: Callable[[Shop], None] | None = None
    refuse: Callable[[int], tuple[int, dict[str, str]] | None] = lambda number: None
    answers: int = 0
    now: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)
    by: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: {"placed": [], "changed": []})
    ever: set[int] = field(default_factory=set)
    asked_since: list[float] = field(default_factory=list)

    def put(self, number: int, placed: float) -> None:
        """Place an order."""
        self.orders[number] = [placed, placed, 1]
        self.ever.add(number)
        insort(self.by["placed"], (placed, number))
        insort(self.by["changed"], (placed, number))

    def change(self, number: int, at: float) -> None:
        """Change an order."""
        order = self.orders[number]
        self.by["changed"].remove((order[1], number))
        order[1], order[2] = at, order[2] + 1
        insort(self.by["changed"], (at, number))

    def delete(self, number: int) -> None:
        """Delete an order, as no shop should."""
        order = self.orders.pop(number)
        self.by["placed"].remove((order[0], number))
        self.by["changed"].remove((order[1], number))

    def answer(self, query: Mapping[str, str]) -> tuple[int, dict[str, str], Any]:
        """Return one page of the orders of a span."""
        with self.lock:
            self.answers += 1
            self.asked_since.append(float(query["since"]))
            refused = self.refuse(self.answers)
            if refused is not None:
                return *refused, {"error": "later"}
            listed = self.by[query["by"]]
            first, last = (bisect_left(listed, (float(query[name]), -1)) for name in ("since", "until"))
            if "after" in query:
                after = int(query["after"])
                if after and after not in self.orders:
                    return 400, {}, {"error": "no such order"}
                place = (self.orders[after][0 if query["by"] == "placed" else 1], after + 1) if after else (-1e18, 0)
                first = max(first, bisect_left(listed, place))
            else:
                first += int(query["offset"])
            page = [(number, *self.orders[number]) for _, number in listed[first : min(first + self.page, last)]]
            if self.after_answer is not None:
                self.after_answer(self)
            return 200, {}, {"orders": page, "more": len(page) == self.page}


@contextmanager
def served(shop: Shop) -> Iterator[str]:
    """Serve a shop on a free port and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            status, headers, content = shop.answer(dict(parse_qsl(urlsplit(self.path).query)))
            body = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        while _OPEN:
            _OPEN.pop().close()
        server.shutdown()
        thread.join()
        server.server_close()


class OffsetShop:
    """The shop's connector: lists by offset."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def orders(self, since: datetime, until: datetime) -> Sequence[Order]:
        """Return the orders placed in a span, all pages."""
        return list(self._listed("placed", since, until))

    def _listed(self, by: str, since: datetime, until: datetime) -> Iterator[Order]:
        offset = 0
        while True:
            rows, more = self._page(by, since, until, ("offset", str(offset)))
            yield from map(_order, rows)
            if not more:
                return
            offset += len(rows)

    def _page(self, by: str, since: datetime, until: datetime, place: tuple[str, str]) -> tuple[Sequence[Any], bool]:
        params = [("by", by), ("since", _seconds(since)), ("until", _seconds(until)), place]
        reply = self._http.request("GET", "/orders", params=params)
        if reply.status != 200:
            raise InfrastructureError("the shop refused", seen=f"{reply.status} {reply.text}")
        content = reply.json()
        return content["orders"], content["more"]


class CursorShop(OffsetShop):
    """The same shop listed by the last order that was seen."""

    def _listed(self, by: str, since: datetime, until: datetime) -> Iterator[Order]:
        after = "0"
        while True:
            rows, more = self._page(by, since, until, ("after", after))
            yield from map(_order, rows)
            if not more:
                return
            after = str(rows[-1][0])


class ChangesShop(OffsetShop):
    """The same shop, which also lists by change."""

    listings_by_change = ("orders",)

    def changed(self, listing: str, since: datetime, until: datetime) -> Iterator[Order]:
        """Yield the orders changed in a span."""
        return self._listed("changed", since, until)


SHOPS: Mapping[str, type[OffsetShop]] = {"offset": OffsetShop, "cursor": CursorShop, "changes": ChangesShop}


def _seconds(at: datetime) -> str:
    return str((at - START).total_seconds())


def at(seconds: float) -> datetime:
    """Return the instant so many seconds after START."""
    return START + timedelta(seconds=float(seconds))


def _order(row: Sequence[Any]) -> Order:
    number, placed, changed, version = row
    return Order(
        system="shop",
        ref=f"id-{number}",
        number=f"R-{number}",
        status="confirmed",
        total=Money(1000 + int(version), "EUR"),
        placed_at=at(placed),
        email=f"{number}@customers.example",
        history=(StateChange(field="status", value="confirmed", at=at(changed)),),
    )


def client(url: str, budget: RateBudget | None = None) -> Client:
    """Open a client that is closed when the shop is."""
    _OPEN.append(open_client(url, system="shop", budget=budget))
    return _OPEN[-1]


def listed(url: str, folder: Path, now: Callable[[], datetime], kind: str = "offset", **options: Any) -> ListingRows:
    """Return the orders of a shop as a side of a pair reads them, landed below a folder."""
    wanted = ListingOptions.model_validate({"kind": "listing", "listing": "orders", "page": 50, **options})
    budget = RateBudget(per_second=wanted.per_second, max_wait_s=wanted.wait)
    systems = Systems(
        connector=lambda system, _: SHOPS[kind](client(url, budget)),
        landing=lambda own: Landing(folder / "landed", keep=timedelta(seconds=own.keep)),
        now=now,
        key=lambda own: b"k" * 32,
        pause=lambda seconds: None,
    )
    return ListingRows("shop", wanted, systems, folder)


def written(seed: int, window: float) -> Callable[[Shop], None]:
    """Return what inserts, deletes and changes an order after every answer, anywhere in the window."""
    draw = random.Random(seed)

    def write(shop: Shop) -> None:
        shop.delete(draw.choice(list(shop.orders)))
        shop.put(max(shop.ever) + 1, round(draw.uniform(0, window), 3))
        shop.now += 0.25
        for _ in range(3):
            shop.change(draw.choice(list(shop.orders)), window + shop.now)

    return write
