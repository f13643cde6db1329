"""The running shop: its settings, file and vendors, and two threads that work off what is due."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import requests

from tests.apps.other_shop import backlog, fulfilment, notice, order, payment
from tests.apps.other_shop.database import Database
from tests.apps.other_shop.erp import SapWire
from tests.apps.other_shop.parcel import UpsWire
from tests.apps.other_shop.setting import Setting
from tests.apps.other_shop.stripe_wire import StripeWire
from tests.apps.other_shop.trouble import VendorRefused, VendorTrouble, VendorUnclear

LOG = logging.getLogger("other_shop")
_IDLE_S = 0.2
_CALLS_A_JOB = 6


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Shop:
    """Everything the web side and the threads share; the clock and the ids come from outside."""

    def __init__(
        self,
        setting: Setting,
        database: Path,
        *,
        now: Callable[[], datetime] = _utc_now,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self.setting = setting
        self.database = Database(database)
        self.now = now
        self.new_id = new_id
        self.stripe = StripeWire(setting)
        self.sap = SapWire(setting)
        self.ups = UpsWire(setting)
        self._hook_session = requests.Session()
        self._stopping = threading.Event()
        self._bells = (threading.Event(), threading.Event())
        self._threads = [
            threading.Thread(target=self._work_off, args=(self._bells[0], self.work), name="jobs", daemon=True),
            threading.Thread(target=self._work_off, args=(self._bells[1], self.notify), name="notices", daemon=True),
        ]

    def start(self) -> None:
        """Begin to work off what is due, first of all what an earlier process left unfinished."""
        with self.database.transaction() as connection:
            backlog.resume(connection, self.now())
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let the threads finish what they are at, and hang up."""
        self._stopping.set()
        self.wake()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        for each in (self.stripe, self.sap, self.ups, self._hook_session, self.database):
            each.close()

    def wake(self) -> None:
        """Have the threads look at once."""
        for bell in self._bells:
            bell.set()

    def pay(self, number: str) -> None:
        """Charge an order now; without an answer from the gateway the backlog tries again."""
        try:
            payment.settle(self, number)
        except VendorUnclear as error:
            with self.database.transaction() as connection:
                order.complain(connection, number, str(error))
                backlog.queue(connection, backlog.SETTLE, number, self.now())
        finally:
            self.wake()

    def work(self) -> bool:
        """Do the job due longest; return whether there was one."""
        with self.database.transaction() as connection:
            job = backlog.claim(connection, self.now(), lease_s=self.setting.timeout_s * _CALLS_A_JOB)
        if job is None:
            return False
        try:
            fulfilment.STEPS[job.kind](self, job)
        except Exception as error:
            self._note_failure(job, error)
        else:
            with self.database.transaction() as connection:
                backlog.finish(connection, job)
        self._bells[1].set()
        return True

    def _note_failure(self, job: backlog.Job, error: Exception) -> None:
        text = str(error) if isinstance(error, VendorTrouble) else f"{type(error).__name__}: {error}"
        LOG.warning("%s %s, attempt %d: %s", job.order_number, job.kind, job.attempts, text)
        with self.database.transaction() as connection:
            order.complain(connection, job.order_number, text)
            if isinstance(error, VendorRefused):
                backlog.give_up(connection, job, text)
            else:
                least_s = error.wait_s if isinstance(error, VendorUnclear) else 0.0
                retry_s = self.setting.retry_s
                backlog.put_off(connection, job, text, self.now(), retry_s=retry_s, least_s=least_s)

    def notify(self) -> bool:
        """Deliver the notices that are due, if anybody wants them."""
        if self.setting.hook_url:
            notice.deliver_due(self.database, self.setting, self._hook_session, self.now())
        return False

    def _work_off(self, bell: threading.Event, step: Callable[[], bool]) -> None:
        while not self._stopping.is_set():
            try:
                was_busy = step()
            except Exception:
                LOG.exception("%s: the step failed; it is tried again", threading.current_thread().name)
                was_busy = False
            if not was_busy:
                bell.wait(_IDLE_S)
                bell.clear()
