"""Looks at the ways between an own shop and its vendors: did its calls pass the edge, do webhooks reach it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from assay.errors import AssayError, InfrastructureError
from assay.events import Outcome
from assay.http import open_client
from assay.local.doctor import Check
from assay.local.plan import Plan
from assay.local.traffic import UNDECLARED, hosts, outgoing
from assay.records import Order
from assay.runners.session import Session

_WITHIN_S = 5.0
_HOOKED = ("payments", "carrier")
_NOT_THERE = (404, 405)
_READS = ("GET", "HEAD", "OPTIONS")
_WORDS = 240


def examine_edge(plan: Plan, order: Order, bought: Outcome) -> Iterator[Check]:
    """Say which declared hosts the platform called through the edge since the order was placed, and which not."""
    if not plan.own_shop or not plan.has_edge or not plan.environment.edge.journal:
        return
    seen = hosts(plan, since=bought.started_at)
    through = {each.host: each.calls for each in seen if each.calls and each.system != UNDECLARED}
    strange = [each.host for each in seen if each.system == UNDECLARED]
    if not through and not strange:
        text = f"the edge saw no call of the platform, although order {order.number} went through: the proxy is ignored"
        do = f"start the shop with the settings of `assay proxy env --env {plan.name}`; `assay proxy check` tries them"
        yield Check(name="proxy", state="wrong", seen=text, do=do)
        return
    if strange:
        do = "declare each under [systems.ID] with host = …; until then the edge refuses its calls with 502"
        yield Check(name="hosts", state="note", seen=f"called and not declared: {', '.join(strange)}", do=do)
    round_it = [each.host for each in seen if not each.calls]
    if round_it:
        do = "nothing where the order does not need them; else the client for them ignores the proxy"
        yield Check(name="proxy", state="note", seen=f"no call to {', '.join(round_it)} came through the edge", do=do)
    else:
        listed = ", ".join(f"{host} ({calls})" for host, calls in through.items())
        yield Check(name="proxy", state="ok", seen=f"calls came through the edge: {listed}")


def examine_refusals(plan: Plan, bought: Outcome) -> Iterator[Check]:
    """Show the last write of each vendor that it refused since the order was placed, in the vendor's own words."""
    if bought.started_at is None or not plan.own_shop or not plan.has_edge or not plan.environment.edge.journal:
        return
    calls = [each for each in outgoing(plan, bought.started_at) if each.status >= 400 and each.method not in _READS]
    for name in plan.environment.systems:
        refused = [each for each in calls if each.system == name]
        if refused:
            last = refused[-1]
            words = " ".join(last.response_body.split())[:_WORDS]
            do = f"read what {name} says of the platform's call; `assay edges` counts, the shop's log may tell more"
            seen = f"{len(refused)} refused; the last: {last.method} {last.path} answered {last.status}: {words}"
            yield Check(name=f"{name} calls", state="note", seen=seen, do=do)


def examine_webhooks(plan: Plan, session: Session) -> Iterator[Check]:
    """Knock where vendors' webhooks arrive, without a signature: a shop that is there refuses that."""
    if plan.environment.production or plan.own_shop is None:
        return
    for name, system in plan.environment.systems.items():
        if system.role not in _HOOKED or (system.webhook is None and system.mode != "simulated"):
            continue
        path = plan.hook_path(name)
        if path is None:
            continue
        address = f"{plan.own_shop}{path}"
        try:
            reply = open_client(plan.own_shop, system=name, timeout_s=_WITHIN_S).request("POST", path, json={})
        except (InfrastructureError, AssayError) as error:
            do = f'start the shop, or say where it takes them: webhook = "/…" under [systems.{name}]'
            seen = f"{name}'s webhooks cannot arrive: {address} does not answer ({error.seen or error.message})"
            yield Check(name=f"{name} webhook", state="broken", seen=seen, do=do)
            continue
        if reply.status in _NOT_THERE:
            do = f'say where the shop takes them: webhook = "/…" (or "none") under [systems.{name}] in assay.toml'
            seen = f"{name}'s webhooks cannot arrive: POST {address} answers {reply.status}"
            yield Check(name=f"{name} webhook", state="wrong", seen=seen, do=do)
        elif reply.status < 300:
            do = f"refuse events of {name} that carry no signature: anybody could send one"
            yield Check(
                name=f"{name} webhook",
                state="note",
                seen=f"{urlsplit(address).path} takes an event nobody signed",
                do=do,
            )
        else:
            yield Check(name=f"{name} webhook", state="ok", seen=f"{path} is there: refuses what nobody signed")
