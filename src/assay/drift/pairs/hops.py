"""Where a record first went wrong on its way from the left to the right: the shop, the call to the next system, it.

What is known of the way is the dossier of the order: what each system says of it when it is asked now, and the calls
that crossed the edge and name it. A station at which nothing tells is said to be unseen, and never guessed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from assay.dossier import Gatherer
from assay.drift.look import OutOfTime
from assay.drift.pairs.model import Apart, Class, Difference, Hop, Pair, Trace, Way
from assay.drift.pairs.sought import Sought, sought
from assay.records import Call, Dossier

MOST, SECONDS = 3, 20.0
"""Records that are asked for, and for how long: each asks every system of the environment."""
_LOOKS = ("GET", "HEAD", "OPTIONS")
_OF_ORDERS, _OF_OTHERS = ("ref", "number"), ("order_ref",)
"""The columns of the listing of orders, and of others, that hold a shop's reference or number of an order."""
_BACK = timedelta(days=60)
_PATH = 36
_OTHERS = 50


def order_of(pair: Pair, difference: Difference) -> str | None:
    """Return the shop's reference or number of the order a difference is about; None where its key is no such thing."""
    if pair.left.source.get("kind") != "listing" or len(pair.left.key) != 1:
        return None
    is_orders = pair.left.source.get("listing") == "orders"
    if pair.left.key[0] not in (_OF_ORDERS if is_orders else _OF_OTHERS):
        return None
    held = (difference.left or {}).get("ref") if is_orders else None
    return str(held or difference.key[0]) or None


class Asks(Protocol):
    """What asks the systems of an environment."""

    def __call__(self, order: str) -> Dossier:
        """Gather an order by the shop's reference or number; a dossier without an order where the shop has none."""

    def hears(self, system: str) -> bool:
        """Return whether calls between the platform and a system are heard here at all."""


@dataclass(slots=True)
class Hops:
    """Tells of a few differences where they first went wrong; handed to `reconcile` and `explain_key`.

    dossier_of: gathers an order by the shop's reference or number, such as `dossiers_of` returns. most: how many are
    asked for, seconds: for how long, in all; whatever goes wrong meanwhile is kept in `troubles` and fails nothing.
    """

    dossier_of: Asks
    most: int = MOST
    seconds: float = SECONDS
    clock: Callable[[], float] = time.monotonic
    troubles: list[str] = field(default_factory=list)

    def __call__(self, pair: Pair, differences: Sequence[Difference]) -> list[Difference]:
        """Return the differences, some with their way: the first of each class, field and cause."""
        found = list(differences)
        if self.most and any(order_of(pair, each) for each in found):
            until = self.clock() + self.seconds
            for place in _samples(found)[: self.most]:
                if self.clock() >= until:
                    break
                found[place] = self._told(pair, found[place])
        return found

    def _told(self, pair: Pair, difference: Difference) -> Difference:
        try:
            order = order_of(pair, difference)
            if order is None:
                return difference
            return replace(difference, way=way_of(pair, difference, self.dossier_of(order), self.dossier_of.hears))
        except OutOfTime:
            raise
        except Exception as error:
            trouble = f"{type(error).__name__}: {error}".strip().splitlines()[0]
            if trouble not in self.troubles:
                self.troubles.append(trouble)
            return difference


class _Gathered:
    """Gathers an order by its reference or, where the shop knows none such, by its number."""

    def __init__(self, gatherer: Gatherer, now: Callable[[], datetime]) -> None:
        self._gatherer, self._now = gatherer, now
        self._refs: dict[str, str] = {}

    def __call__(self, order: str) -> Dossier:
        found = self._gatherer.dossier(order)
        if found.order is not None:
            return found
        if not self._refs:
            at = self._now()
            listed = self._gatherer.orders(at - _BACK, at + timedelta(minutes=1))
            self._refs = {each.number: each.ref for each in listed}
        return self._gatherer.dossier(self._refs[order]) if order in self._refs else found

    def hears(self, system: str) -> bool:
        return self._gatherer.hears(system)


def dossiers_of(gatherer: Gatherer, now: Callable[[], datetime]) -> Asks:
    """Return what gathers orders; now: the landscape's instant."""
    return _Gathered(gatherer, now)


def way_of(pair: Pair, difference: Difference, dossier: Dossier, hears: Callable[[str], bool]) -> Way:
    """Return the way of one record, as far as its dossier shows it; hears: as of `Asks`."""
    apart = difference.fields[0] if difference.classed is Class.DIFFERS else None
    stations = _Stations(pair, difference, apart, dossier, hears)
    hops = tuple(stations.all())
    first = next((place for place, hop in enumerate(hops) if hop.trace in (Trace.WRONG, Trace.GONE)), None)
    after = None
    if first is not None:
        after = next((hop.name for hop in hops[first - 1 :: -1] if hop.trace is Trace.RIGHT), None) if first else None
    return Way(
        hops=hops,
        sentence=_sentence(hops, first, after),
        field=apart.field if apart else None,
        first=None if first is None else hops[first].name,
        after=after,
    )


def _samples(differences: Sequence[Difference]) -> list[int]:
    """Return the places of the first of each kind, then of some others; what cannot be read was wrong nowhere."""
    kinds: dict[tuple[object, ...], int] = {}
    told = [(place, each) for place, each in enumerate(differences) if each.classed is not Class.UNREADABLE]
    for place, each in told:
        kinds.setdefault((each.classed, each.cause, each.fields[0].field if each.fields else None), place)
    return list(dict.fromkeys([*kinds.values(), *(place for place, _ in told[:_OTHERS])]))


def _sentence(hops: Sequence[Hop], first: int | None, after: str | None) -> str:
    if first is None:
        seen = next((hop for hop in hops if hop.trace is Trace.UNSEEN), None)
        return f"where it went wrong was not seen: {seen.said}" if seen else "no station shows what is wrong"
    hop = hops[first]
    word = "lost" if hop.trace is Trace.GONE else "wrong"
    begin = f"{word} after {after}" if after else f"{word} from the start"
    unseen = [each.name for each in hops[:first] if each.trace is Trace.UNSEEN]
    between = f"; nothing was seen of {' and '.join(unseen)}, which comes before" if unseen else ""
    return f"{begin}, first at {hop.name}: {hop.said}{between}"


class _Stations:
    """The stations of one record, in the order in which it passes them."""

    def __init__(
        self,
        pair: Pair,
        difference: Difference,
        apart: Apart | None,
        dossier: Dossier,
        hears: Callable[[str], bool],
    ) -> None:
        self._difference, self._apart, self._dossier, self._hears = difference, apart, dossier, hears
        self._left, self._right = pair.left.system, pair.right.system
        self._sought = sought(pair, difference, apart) if apart else (Sought(), Sought())

    def all(self) -> Iterator[Hop]:
        """Yield them."""
        classed = self._difference.classed
        mine, theirs = self._difference.copies
        if classed is Class.EXTRA:
            yield from self._extra()
            return
        if classed is Class.DUPLICATE and mine > theirs:
            yield Hop(name=self._left, trace=Trace.WRONG, said=f"it is there {mine} times", at=self._difference.left_at)
            yield Hop(name=self._right, trace=Trace.RIGHT, said=f"it is there {_often(theirs)}")
            return
        yield self._master()
        yield from self._paid()
        yield from self._carried()
        yield from self._arrived()

    def _master(self) -> Hop:
        said = f"it says {self._apart.left}" if self._apart else "it is there"
        order = self._dossier.order
        if order is None:
            said += "; asked now, the shop does not know the order"
        return Hop(name=self._left, trace=Trace.RIGHT, said=said, at=self._difference.left_placed)

    def _extra(self) -> Iterator[Hop]:
        at, order = self._difference.right_placed, self._dossier.order
        if order is not None and order.system == self._left:
            yield Hop(name=self._left, trace=Trace.RIGHT, said="asked by itself, it is there", at=order.placed_at)
            yield Hop(name=f"listing of {self._left}", trace=Trace.GONE, said="it is not among what was read")
        elif order is None:
            read_at = self._dossier.read_at
            is_old = at is not None and read_at is not None and at < read_at - _BACK
            said = f"asked by itself, it is not there either ({self._dossier.missing('shop') or 'no such order'})"
            if is_old:
                said = f"it is older than the {_BACK.days} days in which the shop is asked for its number"
            yield Hop(name=self._left, trace=Trace.UNSEEN if is_old else Trace.GONE, said=said)
        yield Hop(name=self._right, trace=Trace.WRONG, said="it is there", at=at)

    def _paid(self) -> Iterator[Hop]:
        """Yield the gateways an amount went by, where they tell the one or the other."""
        if self._apart is None or {self._left, self._right} & {each.system for each in self._dossier.payments}:
            return
        for payment in self._dossier.payments:
            trace = Trace.UNSEEN if payment.declined else self._trace([f"{payment.amount.minor}"])
            if trace is not Trace.UNSEEN:
                said = f"it holds {payment.amount.minor:,} minor units of {payment.amount.currency}"
                yield Hop(name=payment.system, trace=trace, said=said, at=payment.created_at)

    def _carried(self) -> Iterator[Hop]:
        name, answer = f"{self._left} to {self._right}", f"answer of {self._right}"
        missing = self._dossier.missing("journal")
        if missing or not self._dossier.calls:
            said = missing or "no call that crossed the edge names the order"
            yield Hop(name=name, trace=Trace.UNSEEN, said=said)
            return
        sent = self._sent()
        if not sent:
            # Others of the order were heard, and others of this system: this one would have been.
            is_heard = self._hears(self._asked)
            gone = self._difference.classed is Class.MISSING and is_heard
            said = "no call between the two names the order" if is_heard else "calls between the two are not heard here"
            yield Hop(name=name, trace=Trace.GONE if gone else Trace.UNSEEN, said=said)
            return
        if self._apart is not None:
            yield from self._value_in(name, answer, sent)
            return
        taken = [call for call in sent if _is_taken(call)]
        yield self._written(name, sent, taken)
        if self._difference.classed is not Class.DUPLICATE and not self._is_inward:
            yield self._answered(answer, sent, taken)

    @property
    def _is_inward(self) -> bool:
        """Whether the right is the shop itself, which asks the left, or is told by it."""
        order = self._dossier.order
        return order is not None and order.system == self._right

    @property
    def _asked(self) -> str:
        """The system the platform speaks with."""
        return self._left if self._is_inward else self._right

    def _carries(self, call: Call) -> str:
        """Return the message by which a record gets to the right: the question, or where the shop asks the answer."""
        return call.response_body if self._is_inward and call.way != "reverse" else call.request_body

    def _sent(self) -> list[Call]:
        """Return the calls that carry a record to the right: what is written to it, or what the shop is told."""
        own = sorted((call for call in self._dossier.calls if call.system == self._asked), key=lambda call: call.at)
        if self._is_inward:
            return own
        return [call for call in own if call.way != "reverse" and call.method not in _LOOKS]

    def _value_in(self, name: str, answer: str, sent: Sequence[Call]) -> Iterator[Hop]:
        """Yield where the one or the other value stood: in what was sent, and in what came back."""
        asked = [(call, self._trace(_texts(self._carries(call)))) for call in sent]
        stations = [(name, asked)]
        if not self._is_inward:
            stations.append((answer, [(call, self._trace(_texts(call.response_body))) for call in sent]))
        for station, seen in stations:
            shown = next((each for each in reversed(seen) if each[1] is not Trace.UNSEEN), None)
            if shown is None:
                yield Hop(name=station, trace=Trace.UNSEEN, said="it carries neither value in words of its own")
                continue
            call, trace = shown
            assert self._apart is not None  # asked by the caller
            value = self._apart.left if trace is Trace.RIGHT else self._apart.right
            said = f"{_called(call)} {'carried' if station == name else 'brought back'} {value}"
            yield Hop(name=station, trace=trace, said=said, at=call.at)
            if station == name and trace is Trace.RIGHT and not _is_taken(call):
                yield Hop(name=answer, trace=Trace.GONE, said=f"refused with {_status(call)}", at=call.at)
                return

    def _trace(self, texts: Sequence[str]) -> Trace:
        right, wrong = (any(map(each.is_in, texts)) for each in self._sought)
        if right is wrong:
            return Trace.UNSEEN
        return Trace.RIGHT if right else Trace.WRONG

    def _written(self, name: str, sent: Sequence[Call], taken: Sequence[Call]) -> Hop:
        first = sent[0]
        if self._difference.classed is Class.DUPLICATE:
            made = [each for each in self._dossier.creations if each.system == first.system and each.status < 300]
            if len(made) > 1:
                said = f"it was created {len(made)} times, {_times([each.at for each in made])}"
                return Hop(name=name, trace=Trace.WRONG, said=said, at=made[1].at)
            if made:
                return Hop(
                    name=name, trace=Trace.RIGHT, said=f"it was created once, {_times([made[0].at])}", at=made[0].at
                )
            return Hop(name=name, trace=Trace.UNSEEN, said="no call that creates it was heard")
        call = (taken or sent)[0]
        return Hop(name=name, trace=Trace.RIGHT, said=_called(call), at=call.at)

    def _answered(self, name: str, sent: Sequence[Call], taken: Sequence[Call]) -> Hop:
        refused = [call for call in sent if not _is_taken(call)]
        if taken and (self._difference.classed is not Class.LATE or not refused or refused[0].at > taken[0].at):
            return Hop(name=name, trace=Trace.RIGHT, said=f"taken with {_status(taken[0])}", at=taken[0].at)
        first = refused[0]
        more = f", {len(refused)} times in all" if len(refused) > 1 else ""
        then = f", and taken {_times([taken[0].at])}" if taken else ""
        trace = Trace.WRONG if taken else Trace.GONE
        return Hop(name=name, trace=trace, said=f"refused with {_status(first)}{more}{then}", at=first.at)

    def _arrived(self) -> Iterator[Hop]:
        difference, name = self._difference, self._right
        if difference.classed is Class.MISSING:
            held = [each for each in self._dossier.documents if each.system == name]
            if held:
                refs = ", ".join(dict.fromkeys(f"{each.kind} {each.ref}" for each in held))
                yield Hop(name=name, trace=Trace.RIGHT, said=f"asked by itself, it holds {refs}")
                yield Hop(name=f"listing of {name}", trace=Trace.GONE, said="it is not among what was read")
            else:
                yield Hop(name=name, trace=Trace.GONE, said="it is not there")
            return
        at = difference.right_at or difference.right_placed
        if self._apart is not None:
            said = f"it says {'nothing' if self._apart.right is None else self._apart.right}"
        elif difference.classed is Class.DUPLICATE:
            said = f"it is there {_often(difference.copies[1])}, and {_often(difference.copies[0])} in {self._left}"
        else:
            said = "it came too late"
        yield Hop(name=name, trace=Trace.WRONG, said=said, at=at)


def _often(copies: int) -> str:
    return "once" if copies == 1 else f"{copies} times"


def _is_taken(call: Call) -> bool:
    return not call.refused and 200 <= call.status < 400


def _called(call: Call) -> str:
    path = call.path if len(call.path) <= _PATH else f"…{call.path[-_PATH:]}"
    return f"{call.method} {path} {_times([call.at])}"


def _status(call: Call) -> str:
    return f"{call.status}{f' by the fault {call.fault}' if call.fault else ''}"


def _times(instants: Sequence[datetime]) -> str:
    """Return instants in words: the edge's, which knows real time alone; all else has the landscape's."""
    return f"at {' and '.join(f'{at:%H:%M:%S}' for at in instants[:3])} by the edge's clock"


def _texts(body: str) -> list[str]:
    """Return the plain values of a JSON body, as texts; nothing of others."""
    try:
        content = json.loads(body, parse_float=str, parse_int=str) if body[:1] in ("{", "[") else None
    except ValueError:
        return []
    found, waiting = [], [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value
    return found
