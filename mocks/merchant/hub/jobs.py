"""Jobs: what runs by itself, when each is due in simulated time, one run of a job at a time."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from mocks.merchant import times
from mocks.merchant.hub import (
    capture,
    catalogue_sync,
    delivery,
    exchange,
    outbox,
    price_file,
    settlement,
    shipping,
    stock_sync,
    tracking,
)
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop
from mocks.merchant.storefront import pending, reconcile, refund

_TICK_S = 0.05
_SLOW_TICK_S = 0.25  # jobs whose intervals are seconds and more need no fine tick
_SLOWEST_S = 5.0


@dataclass(slots=True)
class Job:
    """One job: `run` does what is due and returns how much; `due` says when there is work, or None."""

    name: str
    run: Callable[[Shop], int]
    due: Callable[[Shop], str | None]
    lock: threading.Lock = field(default_factory=threading.Lock)
    failures: int = 0
    error: str = ""
    tick_s: float = _TICK_S


@seam("dates and schedules")
def next_run(last: str, interval_s: int) -> str:
    """Return when a job that last ran then runs again: so many seconds later, whatever the local clock does."""
    return times.later(times.parse(last), interval_s)


@seam("dates and schedules")
def is_switched_on(job: str) -> bool:
    """Say whether a job is scheduled at all."""
    return True


def interval(name: str, setting: str, run: Callable[[Shop], int], has_work: Callable[[Shop], bool]) -> Job:
    """Return a job that runs every so many simulated seconds while there is work for it."""

    def due(shop: Shop) -> str | None:
        if not is_switched_on(name) or not has_work(shop):
            return None
        row = shop.database.one("SELECT next_at FROM jobs WHERE name = ?", name)
        return row["next_at"] if row else shop.now_iso()

    def run_and_plan(shop: Shop) -> int:
        began = shop.now_iso()
        done = run(shop)
        with shop.database.write() as connection:
            connection.execute(
                "INSERT INTO jobs (name, next_at, last_at) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
                " next_at = excluded.next_at, last_at = excluded.last_at",
                (name, next_run(began, int(shop.settings[setting])), began),
            )
        return done

    return Job(name, run_and_plan, due, tick_s=_SLOW_TICK_S)


def _has(statement: str) -> Callable[[Shop], bool]:
    return lambda shop: shop.database.one(statement) is not None


def _always(shop: Shop) -> bool:
    return True


def all_jobs() -> list[Job]:
    """Return every job of the merchant, in the order they run when several are due."""
    sent = _has("SELECT 1 FROM outbox WHERE state = 'sent' AND kind = 'order' LIMIT 1")
    return [
        interval("rates", "rates_interval_s", exchange.fetch_rates, _always),
        Job("checkouts", reconcile.finish_checkouts, reconcile.next_checkout),
        Job("outbox", outbox.push_due, outbox.next_push),
        Job("refunds", refund.carry_out_due, refund.next_refund),
        interval("approvals", "approval_interval_s", outbox.confirm_sent, sent),
        interval("deliveries", "delivery_interval_s", delivery.poll_deliveries, delivery.has_open_deliveries),
        Job("labels", shipping.work_on_labels, shipping.next_label),
        interval("announcements", "announce_interval_s", tracking.announce, tracking.has_unannounced),
        Job("tracking", tracking.poll, tracking.next_poll),
        interval("captures", "outbox_interval_s", capture.capture_shipped, capture.has_ready),
        interval("payments", "payment_interval_s", pending.ask_for_outcomes, pending.has_pending),
        Job("settlement", settlement.settle_accounts, settlement.next_settlement, tick_s=_SLOW_TICK_S),
        interval("stock", "stock_interval_s", stock_sync.sync_stock, _always),
        interval("catalogue", "stock_interval_s", catalogue_sync.sync_catalogue, _always),
        Job("prices", price_file.take_over, price_file.due, tick_s=_SLOW_TICK_S),
    ]


class Runner:
    """Runs due jobs every 50 ms of real time, at once when an order is written, and on demand."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._jobs = all_jobs()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._loop, args=(job,), name=f"job-{job.name}", daemon=True) for job in self._jobs
        ]

    def start(self) -> None:
        """Take up what a crash left, then run by itself; starting twice changes nothing."""
        if any(thread.is_alive() for thread in self._threads):
            return
        outbox.recover(self._shop)
        reconcile.recover(self._shop)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let running jobs finish."""
        self._stop.set()
        self._shop.outbox_wake.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=10)

    def settle(self) -> int:
        """Run every job that is due at the simulated instant until none is; return how many runs there were."""
        runs = 0
        while ran := sum(self._run(job) for job in self._jobs):
            runs += ran
        return runs

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Keep every job from running while the block runs."""
        with ExitStack() as stack:
            for job in self._jobs:
                stack.enter_context(job.lock)
            yield

    def next_due(self) -> str | None:
        """Return when the earliest job is due, or None."""
        due = [at for job in self._jobs if (at := job.due(self._shop)) is not None]
        return min(due, default=None)

    def failing(self) -> dict[str, str]:
        """Return the jobs whose last run failed, each with its error."""
        return {job.name: job.error for job in self._jobs if job.failures}

    def _run(self, job: Job) -> int:
        """Run a job if it is due, waiting for one that is running; return 1 if it ran."""
        with job.lock:
            at = job.due(self._shop)
            if at is None or at > self._shop.now_iso():
                return 0
            try:
                done = job.run(self._shop)
            except Exception as error:
                self._shop.log.write("job_failed", job=job.name, error=repr(error), trace=traceback.format_exc())
                if not job.failures:
                    traceback.print_exc()  # once, where `assay logs` shows it
                job.failures, job.error = job.failures + 1, repr(error)
                return 0
            job.failures = 0
            # A run that did nothing and left its job due would be repeated for ever.
            return 1 if done or job.due(self._shop) != at else 0

    def _loop(self, job: Job) -> None:
        while not self._stop.is_set():
            if not self._shop.settings["repeatable"]:  # else when told alone: between two requests nobody can say when
                self._run(job)
            if job.failures:  # it failed for a reason of its own: try again ever more slowly
                self._stop.wait(min(_TICK_S * 2**job.failures, _SLOWEST_S))
            elif job.name == "outbox":
                self._shop.outbox_wake.wait(_TICK_S)
                self._shop.outbox_wake.clear()
            else:
                self._stop.wait(job.tick_s)
