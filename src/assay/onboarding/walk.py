"""Walks a shop's functions in order, one live call each, then asks every other system for its part of that order.

The order is bought as any flow buys: leased, with its undo noted first, and refused in production unless all is
declared. What comes back is told check by check; the first function that does not work ends the walk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from assay.errors import AssayError, SafetyError, UsageError
from assay.events import Finding, Listener, Outcome
from assay.flow import Case, Flow, Run, flow
from assay.local.doctor import Check
from assay.local.plan import Plan
from assay.local.status import inspect, is_healthy
from assay.local.store_place import is_disposable
from assay.onboarding.connector import examine_connector, lacking, refused, shop_of
from assay.onboarding.record import examine_order, explained, summary
from assay.onboarding.wire import examine_edge, examine_refusals, examine_webhooks
from assay.records import Order
from assay.roles import Cancels, Shop
from assay.runners.campaign import flows_of
from assay.runners.environment import open_environment
from assay.runners.session import Session
from assay.suites import enter, suite_roots

_UNKNOWN = "assay-no-such-order"
_TRAVELS = timedelta(hours=1)
_BACK = timedelta(days=1)
_MARGIN = timedelta(minutes=5)
_PATIENCE_S = 10.0


@dataclass(slots=True)
class Walk:
    """What a walk came to: every check in order, and what the oracles say of the order it bought."""

    checks: list[Check] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def broken(self) -> bool:
        """Whether something must be mended before the walk can go on."""
        return any(check.state in ("wrong", "broken") for check in self.checks)

    def add(self, checks: Iterator[Check]) -> bool:
        """Take checks; return whether none of them is in the way."""
        new = list(checks)
        self.checks += new
        return not any(check.state in ("wrong", "broken") for check in new)


def walk(plan: Plan, listen: Listener = lambda _: None) -> Walk:
    """Walk the shop of an environment. `UsageError` where it has none, or no flow of the project says what to buy."""
    shop = shop_of(plan)
    if shop is None:
        raise UsageError(
            f"environment '{plan.name}' has no shop",
            hint=f'add [environments.{plan.name}.systems] ID with role = "shop"',
        )
    enter(suite_roots(plan.profile.folder))
    walked = Walk()
    if not walked.add(examine_connector(shop)) or not walked.add(_landscape_is_up(plan)):
        return walked
    cases = _cases(flows_of(plan))
    try:
        with open_environment(plan, listen, runner="onboard") as session:
            session.settle()
            _Steps(session, shop, walked).go(cases)
    except AssayError as error:
        walked.checks.append(refused("environment", error))
    return walked


def _landscape_is_up(plan: Plan) -> Iterator[Check]:
    """An own shop must have been started behind an edge that runs: one started now it could not know of."""
    if plan.own_shop and plan.simulated and plan.has_edge and not is_healthy(inspect(plan, plan.home.read())):
        do = f"assay up --env {plan.name}, then start your shop with the proxy settings it prints"
        yield Check(name="landscape", state="broken", seen=f"the landscape of '{plan.name}' is not up", do=do)


def _cases(flows: dict[str, Flow]) -> list[Case]:
    """Return the first case of the project, and the first in another currency."""
    cases = [case for each in flows.values() if "innocent" not in each.tags for case in each.cases]
    if not cases:
        raise UsageError(
            "no flow says what to buy", expected="scenarios/*.py with a flow", hint="`assay init` writes one"
        )
    others = (case for case in cases if case.purchase.currency != cases[0].purchase.currency)
    return [cases[0], *[case for case in [next(others, None)] if case is not None]]


class _Steps:
    """The functions in order; each is called once, and what it returned is used for the next."""

    def __init__(self, session: Session, shop: str, walked: Walk) -> None:
        self._session = session
        self._shop = session.landscape.connectors[shop]
        self._walked = walked
        system = session.plan.environment.systems[shop]
        self._credentials = {shop: ", ".join(system.credentials.values())}
        self._began = session.now()
        self._unsettled: list[Outcome] = []

    def go(self, cases: Sequence[Case]) -> None:
        """Walk all of it, as far as it works; what was bought on the way is taken back where that is called for."""
        try:
            self._walk(cases)
        finally:
            self._settle()

    def _walk(self, cases: Sequence[Case]) -> None:
        bought = self._place(cases[0])
        if self._walked.broken:
            return
        ref = bought or self._latest()
        if ref is None:
            return
        order = self._order(ref)
        if order is None or not self._unknown() or not self._orders(order, bought is not None):
            return
        plan = self._session.plan
        if not is_disposable(plan) and not isinstance(self._shop, Cancels):
            do = "write cancel_order and find_by_marker: by them what a test bought in a real system is taken back"
            self._note("cancel_order", "the shop takes no order back", do)
        if bought is not None:
            self._others(order, cases)
        self._walked.add(examine_webhooks(plan, self._session))

    def _settle(self) -> list[Outcome]:
        """Judge what was bought, which gives its goods free and takes back what is more than a simulation."""
        performed, self._unsettled = self._unsettled, []
        try:
            judged = self._session.judge_all(performed)
        except Exception as error:  # the connector's own: it has been told of already
            self._note("undo", f"what was bought could not be judged: {_first(error)}", "assay sweep takes it back")
            return []
        left = [outcome for outcome in judged if outcome.undo in ("open", "leaked")]
        if left:
            self._note(
                "undo",
                "what was bought, or may still turn out to be, is not taken back",
                "assay sweep takes it back, or says why not",
            )
        return judged

    def _place(self, case: Case) -> str | None:
        kept: list[Any] = []

        @flow(id="onboarding", title="One order, to see each function work", cases=[case], reversible=True)
        def one_order(run: Run, shop: Shop) -> None:
            try:
                kept.append(run.buy(shop))
            except SafetyError:
                raise
            except Exception as error:
                kept.append(error)

        try:
            self._unsettled.append(self._session.perform(one_order, case))
        except SafetyError as error:
            self._note("place", error.message, "the rest is walked with the latest order the shop lists")
            return None
        answer = kept[0] if kept else None
        if isinstance(answer, Exception):
            self._tell(explained("place", answer, credentials=self._secrets()))
        elif not isinstance(answer, str) or not answer:
            do = "return str(…) of the reference that order(ref) takes"
            seen = f"place returned {'an empty text' if answer == '' else f'a {type(answer).__name__}'}"
            self._tell(Check(name="place", state="wrong", seen=seen, do=do))
        else:
            self._tell(Check(name="place", state="ok", seen=f"works: {answer}"))
            return answer
        return None

    def _latest(self) -> str | None:
        now = self._session.now()
        listed = self._call("orders", lambda: self._shop.orders(now - _BACK, now))
        if listed:
            return str(listed[-1].ref)
        if not self._walked.broken:
            self._note("orders", "the shop lists no order of the last day", "walk again when there is one")
        return None

    def _order(self, ref: str) -> Order | None:
        given = self._call("order", lambda: self._shop.order(ref))
        if self._walked.broken or not self._walked.add(examine_order("order", given)):
            return None
        self._tell(Check(name="order", state="ok", seen=f"works: {summary(given)}"))
        return given  # type: ignore[no-any-return]  # examine_order said that it is one

    def _unknown(self) -> bool:
        """See what the shop says of an order that is not there."""
        do = "raise LookupError(ref) where the shop says 404: an order that is missing must not look like an empty one"
        name = "order, unknown"
        try:
            given = self._shop.order(_UNKNOWN)
        except LookupError:
            self._tell(Check(name=name, state="ok", seen="raises LookupError"))
            return True
        except Exception as error:
            self._tell(Check(name=name, state="wrong", seen=f"raises {type(error).__name__}: {_first(error)}", do=do))
            return False
        seen = f"order returned {'None' if given is None else f'a {type(given).__name__}'} for an order nobody placed"
        self._tell(Check(name=name, state="wrong", seen=seen, do=do))
        return False

    def _orders(self, order: Order, fresh: bool) -> bool:
        since = (self._began if fresh else order.placed_at) - _MARGIN
        until = self._session.now() + _MARGIN
        listed = self._call("orders", lambda: list(self._shop.orders(since, until)))
        if listed is None:
            return not self._walked.broken
        for each in listed:
            if not self._walked.add(examine_order("orders", each)):
                return False
        if order.ref not in [each.ref for each in listed]:
            seen = f"orders lists {len(listed)} of {since:%H:%M} to {until:%H:%M} UTC, and not {order.ref}"
            do = "read every page, filter by the instant of placing, and use the same ref as order()"
            self._tell(Check(name="orders", state="wrong", seen=seen, do=do))
            return False
        early = self._call("orders", lambda: list(self._shop.orders(since - _BACK * 20, since - _BACK * 10))) or []
        if order.ref in [each.ref for each in early]:
            do = "filter by since and until: an order of today was listed in a span of last week"
            self._tell(Check(name="orders", state="wrong", seen="orders does not filter by time", do=do))
            return False
        self._tell(Check(name="orders", state="ok", seen=f"works: {len(listed)} listed, this one among them"))
        return not self._walked.broken

    def _others(self, order: Order, cases: Sequence[Case]) -> None:
        """Let every other system take its part, ask it, and judge."""
        session = self._session
        bought = self._unsettled[0]
        self._unsettled += [session.perform(_buyer(case), case) for case in cases[1:]]
        if session.plan.moves_time:
            session.pass_time(_TRAVELS)
            session.rest()
        fresh = self._fresh(order.ref)
        for role, name in (("payments", "payment"), ("erp", "documents_of"), ("carrier", "track")):
            for system in session.landscape.read(role):
                self._tell(self._asked(system, role, name, fresh))
        self._walked.add(examine_refusals(session.plan, bought))
        self._walked.add(examine_edge(session.plan, fresh, bought))
        judged = self._settle()
        together = session.judge_all_orders(judged)
        for outcome in [*judged, *([together] if together else [])]:
            self._walked.findings += outcome.findings

    def _fresh(self, ref: str) -> Order:
        """Return the order once the others have taken their part, or after a while: real systems take their time."""
        deadline = time.monotonic() + (0 if self._session.plan.moves_time else _PATIENCE_S)
        landscape = self._session.landscape
        while True:
            order: Order = self._shop.order(ref)
            shown = [(role, there) for role, there in _shown(order) if landscape.read(role)]
            if all(there for _, there in shown) or time.monotonic() > deadline:
                return order
            self._session.wait(1.0)

    def _asked(self, system: str, role: str, verb: str, order: Order) -> Check:
        connector = self._session.landscape.connectors[system]
        if missing := lacking(connector, role):
            return Check(
                name=system, state="wrong", seen=f"{type(connector).__name__} lacks {', '.join(missing)}", do="write it"
            )
        wanted = {"payment": order.payment_refs, "track": order.tracking_numbers}.get(verb, (order.number,))
        where = {"payment": "Order.payment_refs", "track": "Order.tracking_numbers"}.get(verb, "Order.number")
        credentials = ", ".join(self._session.plan.environment.systems[system].credentials.values())
        if not wanted:
            do = f"fill {where} in order(): without it nobody can ask {system} for this order"
            return Check(name=system, state="note", seen=f"the order shows no reference that {system} knows", do=do)
        try:
            held = [getattr(connector, verb)(each) for each in wanted]
        except LookupError as error:
            do = f"is {where} what the platform told {system}? {_first(error)}"
            return Check(name=system, state="note", seen=f"{system} does not know {', '.join(wanted)}", do=do)
        except Exception as error:
            return explained(system, error, credentials=credentials)
        if not any(held):
            do = f"is Order.number what the platform wrote on the document in {system}?"
            return Check(name=system, state="note", seen=f"{system} holds nothing under {order.number}", do=do)
        return Check(name=system, state="ok", seen=f"works: knows {', '.join(wanted)}")

    def _call(self, verb: str, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except Exception as error:
            self._tell(explained(verb, error, credentials=self._secrets()))
            return None

    def _tell(self, check: Check) -> None:
        self._walked.checks.append(check)

    def _note(self, name: str, seen: str, do: str) -> None:
        self._tell(Check(name=name, state="note", seen=seen, do=do))

    def _secrets(self) -> str:
        return next(iter(self._credentials.values()))


def _buyer(case: Case) -> Flow:
    @flow(id="onboarding", title="One order more", cases=[case], reversible=True)
    def another_order(run: Run, shop: Shop) -> None:
        with run.step("place the order"):
            ref = run.buy(shop)
            run.saw("confirmation", shop.order(ref).total)

    return another_order


def _shown(order: Order) -> list[tuple[str, bool]]:
    """Return, by role, whether the order shows that systems of it have taken their part, where it can show that."""
    return [("payments", bool(order.payment_refs)), ("carrier", bool(order.tracking_numbers))]


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200]
