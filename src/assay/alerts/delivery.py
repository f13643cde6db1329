"""Takes messages to their routes, in threads of its own: a route that hangs holds up no other, and no check.

Each message is tried again with growing pauses and given up after a day. What cannot be delivered is said on the log
and by `Courier.undeliverable`. A process that is killed while it sends leaves its messages to the next who asks.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from assay.alerts.evidence import clean
from assay.alerts.routes import Sender, Undeliverable, open_route
from assay.alerts.text import Message
from assay.errors import InfrastructureError
from assay.profile_watch import Alerts as Wanted
from assay.store.alerts import DELIVERED, GIVEN_UP, QUEUED, SENDING, Alerts, Delivery

PAUSES_S = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0)
GIVE_UP_AFTER = timedelta(days=1)
SEND_S = 30.0
"""How long one try may take; what takes longer counts as failed and is left behind."""
_LEASE_S = 100.0
_AT_ONCE = 3
_HANGING = 3
_LASTING_S = 60.0
_ASK_EVERY_S = 5.0
_log = logging.getLogger("assay.alerts")


class Courier:
    """Hands out messages that are due: those of the store, and those that wait while the store is away."""

    def __init__(
        self,
        wanted: Wanted,
        kept: Alerts,
        environment: str,
        *,
        holder: str,
        now: Callable[[], datetime],
        send_s: float = SEND_S,
    ) -> None:
        self._wanted = wanted
        self._kept = kept
        self._environment = environment
        self._holder = holder
        self._now = now
        self._send_s = send_s
        self._lock = threading.Lock()
        self._lanes: dict[str, _Lane] = {}
        self._gates: dict[str, threading.Semaphore] = {}
        self._unkept: list[Delivery] = []
        self._unsettled: list[tuple[Delivery, Delivery]] = []
        self._failing: tuple[Delivery, ...] = ()
        self._asked_at: datetime | None = None
        self._counts: Counter[tuple[str, str]] = Counter()

    @property
    def counts(self) -> Mapping[tuple[str, str], int]:
        """How many tries came to what, by (route, delivered or failed)."""
        with self._lock:
            return dict(self._counts)

    def failing(self) -> tuple[Delivery, ...]:
        """Return what failed and still waits, and what was given up within the last day."""
        with self._lock:
            unkept = tuple(each for each in self._unkept if each.tries and each.state != DELIVERED)
        return (*unkept, *self._failing)

    def undeliverable(self) -> tuple[str, ...]:
        """Return a sentence for each of them."""
        return tuple(sentence(each) for each in self.failing())

    @property
    def has_unkept(self) -> bool:
        """Whether a message that is not on its way waits for the store."""
        with self._lock:
            return any(each.state != SENDING for each in self._unkept)

    def add_unkept(self, deliveries: Iterable[Delivery]) -> None:
        """Take messages that the store could not keep."""
        with self._lock:
            self._unkept += deliveries

    def take_unkept(self) -> list[Delivery]:
        """Give back the messages that no store keeps yet, as they stand, but for those on their way."""
        with self._lock:
            idle = [each for each in self._unkept if each.state != SENDING]
            self._unkept = [each for each in self._unkept if each.state == SENDING]
        return idle

    def round(self, now: datetime, *, store_away: bool = False) -> None:
        """Hand every message that is due to its route's thread; returns at once but for the store's answer."""
        for delivery in self._due(now, store_away=store_away):
            lane = self._lanes.get(delivery.route)
            if lane is None:
                lane = self._lanes[delivery.route] = _Lane(delivery.route, self._try)
            lane.put(delivery)

    def work_off(self, now: datetime, *, store_away: bool = False) -> None:
        """Try every message that is due, here and now, one after the other."""
        while due := self._due(now, store_away=store_away):
            for delivery in due:
                self._try(delivery)

    def close(self, patience_s: float) -> None:
        """Let the threads finish what they hold, for so long at most."""
        for lane in self._lanes.values():
            lane.put(None)
        for lane in self._lanes.values():
            lane.thread.join(patience_s)

    def send_unnoted(self, route: str, message: Message) -> str:
        """Send a message that nobody need remember: an example, or one an Alertmanager is told again."""
        return _bounded(lambda: self._send(route, message), self._send_s, self._gate(route))

    def _due(self, now: datetime, *, store_away: bool) -> list[Delivery]:
        busy = [route for route, lane in self._lanes.items() if lane.busy]
        due: list[Delivery] = []
        with self._lock:
            waiting: set[tuple[str, str]] = set()
            for place, each in enumerate(self._unkept):
                if each.state not in (QUEUED, SENDING) or (each.alert, each.route) in waiting:
                    continue
                waiting.add((each.alert, each.route))  # in their order: the next one when this one is done
                if each.state == QUEUED and (each.next_at or now) <= now and each.route not in busy:
                    self._unkept[place] = sending = replace(each, state=SENDING)
                    due.append(sending)
        if store_away:
            return due
        self._settle_late()
        lease = now + timedelta(seconds=_LEASE_S)
        try:
            due += self._kept.claim(
                self._environment, holder=self._holder, now=now, until=lease, busy=busy, most=_AT_ONCE
            )
            self._ask(now)
        except InfrastructureError:
            pass  # whoever keeps the alerts says that the store is away; what needs no store goes out all the same
        return due

    def _try(self, delivery: Delivery) -> None:
        now = self._now()
        try:
            said = self.send_unnoted(delivery.route, Message.from_json(delivery.message))
            done = replace(delivery, state=DELIVERED, said=said, tries=delivery.tries + 1)
        except Undeliverable as error:
            done = self._failed(delivery, str(error), now, lasting=error.lasting)
        with self._lock:
            self._counts[delivery.route, "delivered" if done.state == DELIVERED else "failed"] += 1
        if not delivery.number:
            with self._lock:
                self._unkept = [done if each is delivery else each for each in self._unkept]
        elif not self._settle(delivery, done):
            with self._lock:
                self._unsettled.append((delivery, done))
        self._asked_at = None

    def _gate(self, route: str) -> threading.Semaphore:
        with self._lock:
            return self._gates.setdefault(route, threading.Semaphore(_HANGING))

    def _send(self, route: str, message: Message) -> str:
        sender: Sender = open_route(route, self._wanted)
        return sender.send(message, self._now())

    def _failed(self, delivery: Delivery, said: str, now: datetime, *, lasting: bool) -> Delivery:
        tries = delivery.tries + 1
        if now - delivery.created_at >= GIVE_UP_AFTER:
            _log.error("alert '%s' is given up by route '%s': %s", delivery.alert, delivery.route, said)
            return replace(delivery, state=GIVEN_UP, said=said, tries=tries, next_at=now)
        pause = PAUSES_S[min(tries, len(PAUSES_S)) - 1]
        pause = max(pause, _LASTING_S) if lasting else pause
        if tries in (1, 3) or pause == PAUSES_S[-1]:
            _log.warning(
                "alert '%s' could not be delivered by route '%s' (try %d, next in %g s): %s",
                delivery.alert, delivery.route, tries, pause, said,
            )  # fmt: skip
        return replace(delivery, state=QUEUED, said=said, tries=tries, next_at=now + timedelta(seconds=pause))

    def _settle(self, delivery: Delivery, done: Delivery) -> bool:
        """Keep what became of a try; False where the store cannot be reached."""
        try:
            kept = self._kept.settle(
                delivery.number,
                holder=self._holder,
                state=done.state,
                said=done.said,
                tries=done.tries,
                next_at=None if done.state == DELIVERED else done.next_at,
            )
        except InfrastructureError:
            return False
        if not kept:
            _log.warning("another process took over the delivery of alert '%s' by route '%s'", done.alert, done.route)
        return True

    def _settle_late(self) -> None:
        with self._lock:
            late, self._unsettled = self._unsettled, []
        left = [each for each in late if not self._settle(*each)]
        with self._lock:
            self._unsettled += left

    def _ask(self, now: datetime) -> None:
        last = self._asked_at
        if last is None or not timedelta() <= now - last < timedelta(seconds=_ASK_EVERY_S):
            self._failing = tuple(self._kept.undeliverable(self._environment, now=now))
            self._asked_at = now


def send_now(route: str, wanted: Wanted, message: Message, now: datetime, *, seconds: float = SEND_S) -> str:
    """Send a message here and now and return what came back; `Undeliverable` where it was not taken in time."""
    return _bounded(lambda: open_route(route, wanted).send(message, now), seconds, threading.Semaphore(1))


def sentence(delivery: Delivery) -> str:
    """Say of a message that was not delivered where it should go, why not, and what becomes of it."""
    what = f"'{delivery.alert}' ({delivery.kind}) by route '{delivery.route}'"
    tries = f"after {delivery.tries} {'try' if delivery.tries == 1 else 'tries'}"
    said = clean(delivery.said, 200)
    if delivery.state == GIVEN_UP:
        return f"{what} was given up {tries}: {said}"
    when = f"{delivery.next_at.astimezone(UTC):%H:%M:%S} UTC" if delivery.next_at else "soon"
    return f"{what} not delivered {tries}, next at {when}: {said}"


class _Lane:
    """One route's thread and what waits for it."""

    def __init__(self, route: str, act: Callable[[Delivery], None]) -> None:
        self._act = act
        self._waiting: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._count = 0
        self._lock = threading.Lock()
        self.thread = threading.Thread(target=self._run, name=f"assay-alerts-{route}", daemon=True)
        self.thread.start()

    @property
    def busy(self) -> bool:
        return self._count > 0

    def put(self, delivery: Delivery | None) -> None:
        with self._lock:
            self._count += 1
        self._waiting.put(delivery)

    def _run(self) -> None:
        while (delivery := self._waiting.get()) is not None:
            try:
                self._act(delivery)
            except Exception:  # the thread must outlive whatever a route does
                _log.exception("alert '%s' could not be handed to route '%s'", delivery.alert, delivery.route)
            finally:
                with self._lock:
                    self._count -= 1


def _bounded(act: Callable[[], str], seconds: float, gate: threading.Semaphore) -> str:
    """Run a try that may hang and return what it returns; what takes longer is left to itself, so many at most."""
    if not gate.acquire(blocking=False):
        raise Undeliverable(f"{_HANGING} earlier tries still hang; none is begun until one of them ends")
    answers: queue.SimpleQueue[str | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(act())
        except Exception as error:  # handed to whoever waits
            answers.put(error)
        finally:
            gate.release()

    threading.Thread(target=run, name="assay-alerts-try", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise Undeliverable(f"no answer within {seconds:g} s") from None
    if isinstance(answer, Undeliverable):
        raise answer
    if isinstance(answer, Exception):
        raise Undeliverable(clean(f"{type(answer).__name__}: {answer}", 300)) from None
    return answer
