"""Money after the charge, of a whole window: what gateways settled, the ERP booked, the bank stated, the shop reports.

Each is read under a name of its own, so that what a landscape does not have makes only what needs it *not evaluated*.
Movements are read from further back than the window: a payout of its first day pays what was earned before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from assay.errors import AssayError
from assay.landscape import Landscape
from assay.records import BalanceEntry, Figure, JournalLine, Payout, Rate, StatementLine
from assay.roles import HasStores, KeepsBooks, ReadsStatements, Reports, Settles

EARNED_BEFORE = timedelta(days=14)
"""How much earlier than the window movements, entries and statements are read from."""
_PUBLISHED = timedelta(days=40)

Settled = tuple[tuple[BalanceEntry, ...], tuple[Payout, ...]]


Begins = Callable[[str, Callable[[], Sequence[Any]]], Future[Any]]
"""Begins to read something in a thread; what fails is noted under the name."""


def begin_all(landscape: Landscape, since: datetime, until: datetime, begin: Begins) -> Callable[[], dict[str, Any]]:
    """Begin to read everything of the window; the function returned waits for it and gives a population's fields."""
    earlier = since - EARNED_BEFORE
    settled = [begin(name, partial(_settled, gateway, earlier, until)) for name, gateway in _settling(landscape, begin)]
    shop = landscape.connectors.get(next(iter(landscape.environment.with_role("shop")), ""))
    lines = begin("journal entries", lambda: _journal(landscape, earlier, until))
    statements = begin("statements", lambda: _asked(shop, ReadsStatements).statement_lines(earlier, until))
    figures = begin("figures", lambda: _asked(shop, Reports).figures(since, until))
    stores = begin("store rates", lambda: store_rates(shop))
    published = begin("rates", lambda: published_since(landscape, since - _PUBLISHED))

    def ended() -> dict[str, Any]:
        both: list[Settled] = [each for future in settled for each in future.result()]
        journal: Sequence[JournalLine] = lines.result()
        stated: Sequence[StatementLine] = statements.result()
        told: Sequence[Figure] = figures.result()
        return {
            "entries": tuple(entry for entries, _ in both for entry in entries),
            "payouts": tuple(payout for _, payouts in both for payout in payouts),
            "journal_lines": tuple(journal),
            "statement_lines": tuple(stated),
            "figures": tuple(told),
            "store_rates": tuple(stores.result()),
            "published": tuple(published.result()),
        }

    return ended


def _settling(landscape: Landscape, begin: Begins) -> list[tuple[str, Settles]]:
    """Return the gateways that say what they settled, each with the name under which it may be unread."""
    found: list[tuple[str, Settles]] = []
    for system in landscape.environment.with_role("payments"):
        connector = landscape.connectors.get(system)
        if isinstance(connector, Settles):
            found.append((f"settlement of {system}", connector))
    if not found:
        begin("settlement", _nobody_settles)
    return found


def _nobody_settles() -> Sequence[Any]:
    raise LookupError("no gateway here says what it settled: its connector has no verbs 'balance_entries', 'payouts'")


def _settled(gateway: Settles, since: datetime, until: datetime) -> list[Settled]:
    return [(tuple(gateway.balance_entries(since, until)), tuple(gateway.payouts(since, until)))]


def _journal(landscape: Landscape, since: datetime, until: datetime) -> list[JournalLine]:
    books = [
        connector
        for system in landscape.environment.with_role("erp")
        if isinstance(connector := landscape.connectors.get(system), KeepsBooks)
    ]
    if not books:
        raise LookupError("no ERP here shows its journal: its connector has no verb 'journal_lines'")
    return [line for each in books for line in each.journal_lines(since, until)]


def _asked(shop: object, ability: type) -> Any:
    """Return the shop where it has the ability; `LookupError` otherwise."""
    if not isinstance(shop, ability):
        raise LookupError(f"the shop's connector has no ability '{ability.__name__}'")
    return shop


def store_rates(shop: object) -> list[tuple[str, tuple[Rate, ...]]]:
    """Return every store's rates; `LookupError` where the shop shows none."""
    held: HasStores = _asked(shop, HasStores)
    return [(store, tuple(held.store_rates(store))) for store in held.stores()]


def published_since(landscape: Landscape, since: datetime) -> list[Rate]:
    """Return what every publisher of rates published since a day; one that cannot be read is left to the others."""
    found: list[Rate] = []
    failed: AssayError | LookupError | None = None
    for system in landscape.environment.with_role("rates"):
        publisher = landscape.connectors.get(system)
        if publisher is None:
            continue
        try:
            found += publisher.history(since.date())
        except (AssayError, LookupError) as error:
            failed = error
    if not found:
        raise failed or LookupError("nobody here publishes rates")
    return found
