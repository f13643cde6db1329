"""Gathers the dossier of one order: what every witness of the landscape holds of it, read in parallel.

A witness that cannot be read is named with the reason and makes its oracles *not evaluated*; it never fails the rest.
The shop is asked first, because every other system is asked by what the shop calls the order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from threading import Lock
from typing import Any, Protocol, TypeVar

from assay.attribution import Attribution, attribute, read_creations
from assay.dossier.after_charge import begin_all
from assay.dossier.paying import first_line, payments_of
from assay.errors import AssayError
from assay.landscape import Landscape
from assay.oracles.access import scan_text
from assay.records import (
    AnalyticsEvent,
    Article,
    Attempt,
    Call,
    CreditMovement,
    CustomerMessage,
    Document,
    Dossier,
    Order,
    Payment,
    Population,
    Rate,
    Scan,
    Shipment,
    StockCount,
)
from assay.roles import (
    CountsStock,
    FindsParcels,
    ForgetsParcels,
    GivesCredit,
    HearsPayments,
    Offers,
    ReadsLabels,
    ShowsAnswers,
    TellsAnalytics,
    Writes,
)

T = TypeVar("T")
# A gateway may have seen the payment a little before the shop wrote the order, or be retried long after.
_BEFORE, _AFTER = timedelta(minutes=10), timedelta(days=2)
_READERS = 16  # one for each thing read of an order, so that none waits for another
_RATE_DAYS, _BACK = timedelta(days=30), timedelta(days=3)


class Journal(Protocol):
    """Where the edge's calls are kept; `assay.store.Store` is one."""

    def calls(
        self, environment: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> Sequence[Call]:
        """Return calls of [since, until) in real time, oldest first."""

    def gaps(self, environment: str) -> Sequence[tuple[datetime, datetime]]:
        """Return the spans in which the journal was not listening."""


def gather(landscape: Landscape, order_ref: str, **more: Any) -> Dossier:
    """Read one order from the shop, then everybody else at once; further arguments as of `Gatherer`."""
    with Gatherer(landscape, **more) as gatherer:
        return gatherer.dossier(order_ref)


class Gatherer:
    """Gathers many dossiers of one landscape; what does not belong to a single order is read once for all of them.

    journal and since: the edge's calls from that real instant on. base_currency: in which articles are priced for
    O-M4. canaries: card numbers, check values and holder names this run has used, kind by text. logs: further texts
    that may be searched for card data, by name. read_at: the landscape's instant.
    """

    def __init__(
        self,
        landscape: Landscape,
        *,
        journal: Journal | None = None,
        since: datetime | None = None,
        base_currency: str | None = None,
        canaries: Mapping[str, str] | None = None,
        logs: Mapping[str, Callable[[], str]] | None = None,
        read_at: datetime | None = None,
    ) -> None:
        self._landscape = landscape
        self._journal = journal
        self._since = since
        self._base_currency = base_currency
        self._canaries = dict(canaries or {})
        self._logs = dict(logs or {})
        self._read_at = read_at
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="witness")
        self._once: dict[object, Any] = {}
        self._numbers: dict[str, str] = {}
        self._lock = Lock()

    def __enter__(self) -> Gatherer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the readers."""
        self._readers.shutdown()

    def dossier(self, order_ref: str, *, canaries: Mapping[str, str] | None = None) -> Dossier:
        """Gather one order. Where the shop has listed it before (`orders_of`), the ERP is asked beside the shop.

        canaries: marks of this order alone that are looked for beside those of all.
        """
        unread: list[tuple[str, str]] = []

        def begin(role: str, read: Callable[[], Sequence[T]]) -> Future[Sequence[T]]:
            return self._begin(unread, role, read)

        # The ERP answers in the most calls after one another: nobody else's are worth beginning early.
        number = self._numbers.get(order_ref)
        early = begin("erp", lambda: self._documents(number)) if number else None
        order = self._ask(unread, "shop", lambda: self._landscape.by_role("shop").order(order_ref))
        if order is None:
            return Dossier(order=None, unread=tuple(unread), read_at=self._read_at)
        span, since = _window(order), order.placed_at.date() - _RATE_DAYS
        lists = self._each("payments", lambda system: self._paid_at(system, *span))
        histories = self._each("rates", lambda system: self._history(system, since))
        payments = begin("payments", lambda: self._payments(order, lists, unread))
        documents = early if early and number == order.number else begin("erp", lambda: self._documents(order.number))
        parcels = begin("carrier", lambda: [self._parcels(order)])
        messages = begin("messages", lambda: self._messages(order))
        rates = begin("rates", lambda: self._rates(order, histories, unread))
        articles = begin("catalogue", lambda: self._articles(order))
        calls = begin("journal", lambda: self._calls(order))
        events = begin("analytics", lambda: self._events(order))
        credit = begin("credit", lambda: self._credit(order))
        scans = begin("scans", lambda: self._scans(order, canaries or {}))
        shipments, unknown = next(iter(parcels.result()), ((), ()))
        seen = tuple(calls.result())
        found = Dossier(
            order=order,
            payments=tuple(payments.result()),
            documents=tuple(documents.result()),
            shipments=tuple(shipments),
            unknown_parcels=tuple(unknown),
            messages=tuple(messages.result()),
            rates=tuple(rates.result()),
            base_articles=tuple(articles.result()),
            scans=tuple(scans.result()),
            events=tuple(events.result()),
            credit=tuple(credit.result()),
            read_at=self._read_at,
        )
        return replace(self._with_calls(found, seen), unread=tuple(sorted(unread)))

    def orders(self, since: datetime, until: datetime) -> Sequence[Order]:
        """Return all orders the shop says were placed in [since, until); `LookupError` where it cannot list them."""
        listed = self._orders(since, until)
        self._numbers |= {order.ref: order.number for order in listed}
        return listed

    def orders_of(self, customer: str, since: datetime, until: datetime) -> Sequence[Order]:
        """Return the orders the shop holds in the name of an e-mail address, oldest first; nothing where it is silent.

        The span is listed once for all customers.
        """

        def by_customer() -> dict[str, list[Order]]:
            found: dict[str, list[Order]] = {}
            for order in sorted(self._orders(since, until), key=lambda each: each.placed_at):
                found.setdefault((order.email or "").casefold(), []).append(order)
                self._numbers[order.ref] = order.number
            return found

        listed = self._ask([], "shop", lambda: self._read_once(("customers", since, until), by_customer))
        return (listed or {}).get(customer.casefold(), [])

    def attempt(self, attempt: Attempt, since: datetime, until: datetime) -> Attempt:
        """Add what gateways and journal hold of a purchase that came to too few orders, by its customer's name."""
        unread: list[tuple[str, str]] = []
        name = attempt.customer.casefold()

        def paid() -> list[Payment]:
            return [
                payment
                for system in self._systems("payments")
                for payment in self._paid_at(system, since, until)
                if (payment.customer or "").casefold() == name
            ]

        payments = self._ask(unread, "payments", paid) or []
        rules = {system: head.creations for system, head in self._landscape.heads.items()}
        refs = [payment.ref for payment in payments]
        calls, creations = [], []
        for call in self._ask(unread, "journal", self._journalled) or ():
            own = [each for each in read_creations([call], rules) if each.customer.casefold() == name]
            creations += own
            if own or any(ref in call.path or ref in call.request_body for ref in refs):
                calls.append(call)
        return replace(
            attempt,
            payments=tuple(payments),
            creations=tuple(creations),
            calls=tuple(calls),
            unread=tuple(sorted(unread)),
            read_at=self._read_at,
        )

    def hears(self, system: str) -> bool:
        """Return whether any call to or from a system was heard; False where there is no journal, or one with a gap."""
        return any(call.system == system for call in self._ask([], "journal", self._journalled) or ())

    def hear_since(self, at: datetime) -> None:
        """Read no call of the journal older than this real instant: it is long, and most of it concerns nobody."""
        self._since = at if self._since is None else max(at, self._since)

    def forget(self, read_at: datetime) -> None:
        """Read everything anew from now on, which is this instant of the landscape."""
        with self._lock:
            self._once.clear()
        self._read_at = read_at

    def population(
        self,
        since: datetime,
        until: datetime,
        dossiers: Sequence[Dossier],
        stock: Sequence[StockCount] = (),
        *,
        back: timedelta = _BACK,
    ) -> Population:
        """Read what shop, gateways, ERP and bank hold of a window, beside the dossiers already gathered.

        back: how much earlier the shop's orders are read from.
        """
        unread: list[tuple[str, str]] = []

        def begin(role: str, read: Callable[[], Sequence[T]]) -> Future[Sequence[T]]:
            return self._begin(unread, role, read)

        # What was placed before the window may be paid and booked in it.
        orders = begin("shop", lambda: self._orders(since - back, until))
        payments = begin("payments", lambda: self._paid_anywhere(since, until, unread))
        documents = begin("erp", lambda: self._of_role("erp", lambda each: each.documents(since, until)))
        after_charge = begin_all(self._landscape, since, until, partial(self._begin, unread))
        return Population(
            since=since,
            until=until,
            dossiers=tuple(dossiers),
            orders=tuple(orders.result()),
            payments=tuple(payments.result()),
            documents=tuple(documents.result()),
            stock=tuple(stock),
            **after_charge(),
            unread=tuple(sorted(unread)),
            read_at=self._read_at,
        )

    def stock(self, skus: Sequence[str], at: datetime) -> list[StockCount]:
        """Count articles now, bundles left out; what the shop does not count is left out too."""
        shop = self._landscape.by_role("shop")
        if not isinstance(shop, CountsStock):
            return []
        found = []
        for sku in skus:
            if isinstance(shop, Offers) and shop.article(sku, self._base_currency or "EUR").components:
                continue
            found.append(shop.stock_count(sku, at))
        return found

    def _orders(self, since: datetime, until: datetime) -> Sequence[Order]:
        shop = self._landscape.by_role("shop")
        if not hasattr(shop, "orders"):
            raise LookupError("the shop's connector has no verb 'orders'")
        listed: Sequence[Order] = shop.orders(since, until)
        return listed

    def _each(self, role: str, read: Callable[[str], Sequence[T]]) -> dict[str, Future[Sequence[T]]]:
        """Begin to read every system of a role that can be asked, all at once."""
        systems = self._landscape.read(role)
        return {each: self._readers.submit(copy_context().run, partial(read, each)) for each in systems}

    def _payments(
        self, order: Order, lists: Mapping[str, Future[Sequence[Payment]]], unread: list[tuple[str, str]]
    ) -> list[Payment]:
        gateways = {system: self._landscape.connectors[system] for system in self._systems("payments")}
        return payments_of(order, gateways, lambda system: lists[system].result(), unread)

    def _paid_anywhere(self, since: datetime, until: datetime, unread: list[tuple[str, str]]) -> list[Payment]:
        """Return what all gateways list; one that cannot is noted by itself, unless none can."""
        found: list[Payment] = []
        failed: list[str] = []
        systems = self._systems("payments")
        for system in systems:
            try:
                found += self._paid_at(system, since, until)
            except (AssayError, LookupError) as error:
                failed.append(f"{system}: {first_line(error)}")
        if len(failed) == len(systems):
            raise LookupError(failed[0].partition(": ")[2] if len(failed) == 1 else failed[0])
        unread += [("payments listed", why) for why in failed]
        return found

    def _paid_at(self, system: str, since: datetime, until: datetime) -> Sequence[Payment]:
        """Return a gateway's payments of a span; one that reports late is heard in the journal where there is one."""
        gateway = self._landscape.connectors[system]
        if self._journal is None or not isinstance(gateway, HearsPayments):
            return self._read_once((system, since, until), partial(gateway.payments, since, until))
        told = self._read_once((system, "told"), lambda: gateway.payments_told(self._journalled()))
        return [payment for payment in told if since <= payment.created_at < until]

    def _documents(self, number: str) -> list[Document]:
        return self._of_role("erp", lambda each: each.documents_of(number))

    def _parcels(self, order: Order) -> tuple[list[Shipment], list[str]]:
        """Return the parcels carriers hold under the order, and the numbers the shop shows and no carrier knows."""
        found: dict[str, Shipment] = {}
        unknown = []
        carriers = [self._landscape.connectors[system] for system in self._systems("carrier")]
        for carrier in carriers:
            if isinstance(carrier, FindsParcels):
                found |= {parcel.tracking_number: parcel for parcel in carrier.parcels_of(order.number)}
        for number in order.tracking_numbers:
            for carrier in carriers:
                try:
                    found[number] = carrier.track(number)
                    break
                except LookupError:
                    continue
            else:
                self._refuse_forgotten(order, number, carriers)
                unknown.append(number)
        return list(found.values()), unknown

    def _refuse_forgotten(self, order: Order, number: str, carriers: Sequence[object]) -> None:
        """Raise `LookupError` where a carrier does not know a number because the parcel is too old for it."""
        kept = min((each.parcels_kept for each in carriers if isinstance(each, ForgetsParcels)), default=None)
        if kept is not None and self._read_at is not None and order.placed_at + kept <= self._read_at:
            raise LookupError(f"parcel {number} is not known, nor need be: a carrier keeps them for {kept.days} days")

    def _messages(self, order: Order) -> Sequence[CustomerMessage]:
        shop = self._landscape.by_role("shop")
        if not isinstance(shop, Writes):
            raise LookupError("the shop's connector has no verb 'messages'")
        return shop.messages(order.ref)

    def _history(self, system: str, since: date) -> Sequence[Rate]:
        publisher = self._landscape.connectors[system]
        return self._read_once((system, "rates", since), partial(publisher.history, since))

    def _rates(
        self, order: Order, histories: Mapping[str, Future[Sequence[Rate]]], unread: list[tuple[str, str]]
    ) -> list[Rate]:
        """Return what publishers say of the order's currency; one that cannot be read is left to the others."""
        found: list[Rate] = []
        failed: list[tuple[str, str]] = []
        systems = self._systems("rates")
        for system in systems:
            try:
                found += [rate for rate in histories[system].result() if rate.quote == order.total.currency]
            except (AssayError, LookupError) as error:
                failed.append((f"rates of {system}", first_line(error)))
        if len(failed) == len(systems):
            raise LookupError(failed[0][1])
        unread += failed
        return found

    def _events(self, order: Order) -> Sequence[AnalyticsEvent]:
        shop = self._landscape.by_role("shop")
        return shop.analytics_events(order.ref) if isinstance(shop, TellsAnalytics) else ()

    def _credit(self, order: Order) -> Sequence[CreditMovement]:
        """Return the credit an order took and got back; asked for only where something was paid at no gateway."""
        shop = self._landscape.by_role("shop")
        gateways = self._landscape.environment.with_role("payments")
        if not isinstance(shop, GivesCredit) or all(tender.gateway in gateways for tender in order.tenders):
            return ()
        return shop.credit_movements(order.ref)

    def _articles(self, order: Order) -> list[Article]:
        shop = self._landscape.by_role("shop")
        if not isinstance(shop, Offers):
            raise LookupError("the shop's connector has no verb 'article'")
        currency = self._base_currency or order.total.currency
        wanted = [line.sku for line in order.lines]
        found: dict[str, Article] = {}
        while wanted:
            sku = wanted.pop()
            if sku not in found:
                found[sku] = self._read_once(("article", sku, currency), partial(shop.article, sku, currency))
                wanted += [part for part, _ in found[sku].components]
        return list(found.values())

    def _calls(self, order: Order) -> Sequence[Call]:
        return self._attributed(order, self._journalled()).by_order.get(order.ref, [])

    def _journalled(self) -> Sequence[Call]:
        if self._journal is None:
            raise LookupError("no edge stands between the platform and its vendors here")
        name, since = self._landscape.name, self._since
        journal = self._journal
        calls: Sequence[Call] = self._read_once(("calls", since), lambda: journal.calls(name, since=since))
        gaps = self._read_once(("gaps", since), lambda: journal.gaps(name))
        missed = [gap for gap in gaps if since is None or gap[1] > since]
        if missed:
            raise LookupError(f"the journal has a gap from {missed[0][0]:%H:%M:%S} to {missed[0][1]:%H:%M:%S} UTC")
        return calls

    def _attributed(self, order: Order, calls: Sequence[Call]) -> Attribution:
        """Attribute calls among all orders of the order's window: one that names two of them belongs to neither."""
        span = _window(order)
        rules = {system: head.references for system, head in self._landscape.heads.items()}

        def work() -> Attribution:
            others = {each.ref: each for each in self._orders(*span)}
            return attribute(calls, {**others, order.ref: order}.values(), rules)

        return self._read_once(("attributed", span), work)

    def _with_calls(self, dossier: Dossier, calls: Sequence[Call]) -> Dossier:
        """Add the calls and what can be read out of them: labels asked for, things created."""
        readers = [each for each in self._landscape.connectors.values() if isinstance(each, ReadsLabels)]
        labels = [label for call in calls for reader in readers for label in reader.label_requests(call)]
        rules = {system: head.creations for system, head in self._landscape.heads.items()}
        return replace(dossier, calls=tuple(calls), labels=tuple(labels), creations=tuple(read_creations(calls, rules)))

    def _scans(self, order: Order, own: Mapping[str, str]) -> list[Scan]:
        shop = self._landscape.by_role("shop")
        texts: dict[str, Callable[[], str]] = dict(self._logs)
        if isinstance(shop, ShowsAnswers):
            texts["the shop's answer about the order"] = lambda: shop.order_text(order.ref)
        if not texts:
            raise LookupError("neither the shop's answers nor its logs may be searched here")
        found = []
        for place, read in texts.items():
            once = (place, order.ref) if place not in self._logs else ("log", place)
            found.append(self._read_once(once, partial(self._scan, place, read, own)))
        return found

    def _scan(self, place: str, read: Callable[[], str], own: Mapping[str, str]) -> Scan:
        return scan_text(place, read(), {**self._canaries, **own})

    def _systems(self, role: str) -> list[str]:
        """Return the systems of a role; `LookupError` where the environment has none."""
        found = list(self._landscape.environment.with_role(role))
        if not found:
            raise LookupError(f"environment '{self._landscape.name}' has no system of this role")
        silent = [system for system in found if system not in self._landscape.connectors]
        if silent:
            raise LookupError(
                f"no system of this role may be left out, and {' and '.join(silent)} cannot be asked here"
            )
        return found

    def _of_role(self, role: str, read: Callable[[Any], Sequence[T]]) -> list[T]:
        return [each for system in self._systems(role) for each in read(self._landscape.connectors[system])]

    def _read_once(self, name: object, read: Callable[[], T]) -> T:
        """Read what serves every dossier the first time it is asked for; a failure is not remembered."""
        with self._lock:
            if name in self._once:
                kept: T = self._once[name]
                return kept
        value = read()
        with self._lock:
            self._once[name] = value
        return value

    def _begin(self, unread: list[tuple[str, str]], role: str, read: Callable[[], Sequence[T]]) -> Future[Sequence[T]]:
        """Read in a thread of our own, in the caller's context: its deadline is theirs."""
        # Each has a context of its own: one cannot be entered by two threads at once.
        return self._readers.submit(copy_context().run, lambda: self._ask(unread, role, read) or ())

    def _ask(self, unread: list[tuple[str, str]], role: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except (AssayError, LookupError) as error:
            unread.append((role, first_line(error)))
            return None


def _window(order: Order) -> tuple[datetime, datetime]:
    """Return the span in which others may know of the order, by whole hours, so that orders share what is read."""
    hour = order.placed_at.replace(minute=0, second=0, microsecond=0)
    return hour - _BEFORE, hour + _AFTER
