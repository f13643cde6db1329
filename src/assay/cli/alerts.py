"""`assay alerts`: what is not well and who knows of it, examples through every route, silences."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.shared import explained, in_colour, json_option, landscape_options, plan_for
from assay.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from assay.local.plan import Plan
    from assay.monitor import Monitor
    from assay.store import Store
    from assay.store.alerts import Delivery, KeptAlert, KeptSilence

_FORMAT = 1
_COLOURS = {"failing": "red", "unknown": "yellow", "degraded": "yellow", "passing": "green"}
_LONGEST_S = 366 * 86_400.0


@click.group()
def alerts() -> None:
    """Show what is not well and who was told, try every route, silence monitors."""


@alerts.command("list")
@landscape_options
@json_option
@explained
def list_(environment: str, profile_path: Path | None, as_json: bool) -> None:
    """List alerts, silences and what could not be delivered, as the store has them.

    Exit 0 when nothing fires, 1 when something does, 3 when a message could not be delivered.
    """
    plan, now = plan_for(environment, profile_path), datetime.now(UTC)
    with _opened(plan) as store:
        kept = [] if store is None else store.alerts.load(plan.name)
        silences = [] if store is None else store.alerts.silences(plan.name, now)
        stuck = [] if store is None else store.alerts.undeliverable(plan.name, now=now)
    if as_json:
        content = {
            "format": _FORMAT,
            "environment": plan.name,
            "alerts": [_alert(each) for each in kept],
            "silences": [_silence(each) for each in silences],
            "undeliverable": [_delivery(each) for each in stuck],
        }
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        _show(kept, silences, stuck, plan.name, now)
    sys.exit(3 if stuck else 1 if any(each.kind for each in kept) else 0)


@alerts.command()
@click.argument("name", metavar="ID")
@landscape_options
@json_option
@explained
def test(name: str, environment: str, profile_path: Path | None, as_json: bool) -> None:
    """Send a marked example of the alert ID, a monitor's or a rule's, through each of its routes.

    Says of each route what came back. Exit 3 where one did not take it, 2 where no route would take such an alert.
    """
    from assay.alerts.delivery import send_now
    from assay.alerts.example import example_of, rules_of
    from assay.alerts.routes import Undeliverable
    from assay.alerts.text import Setting

    plan, now = plan_for(environment, profile_path), datetime.now(UTC)
    profile = plan.profile
    setting = Setting(environment=plan.name, public_url=profile.monitoring.public_url, runbooks=profile.alerts.runbooks)
    rules = rules_of([root / "monitors" / "rules" for root in _roots(plan)])
    message, routes = example_of(name, _monitors(plan), rules, profile.alerts, setting, now)
    if not routes:
        raise UsageError(
            f"no route takes an alert of '{name}', of severity {message.severity}",
            where="[alerts.routes] in assay.toml",
            expected="a route, and none that leaves this severity out",
            hint="[alerts.routes.chat]  url = 'env:CHAT_URL'  (an apprise address)",
        )
    answers: dict[str, dict[str, Any]] = {}
    for route in routes:
        try:
            answers[route] = {"delivered": True, "said": send_now(route, profile.alerts, message, now)}
        except Undeliverable as error:
            answers[route] = {"delivered": False, "said": str(error)}
    if as_json:
        content = {"format": _FORMAT, "alert": name, "subject": message.subject, "text": message.text}
        click.echo(json.dumps({**content, "routes": answers}, indent=2, ensure_ascii=False))
    else:
        _show_answers(message.subject, message.text, answers)
    sys.exit(0 if all(answer["delivered"] for answer in answers.values()) else 3)


@alerts.command()
@click.argument("name")
@landscape_options
@click.option("--for", "span", metavar="SPAN", required=True, help="For how long, such as 30m, 2h or 1d.")
@click.option("--reason", required=True, help="Why; everybody who looks at the alert reads it.")
@click.option("--by", help="Who wants it; your user name by default.")
@explained
def silence(name: str, environment: str, profile_path: Path | None, span: str, reason: str, by: str | None) -> None:
    """Wake nobody because of the monitor NAME (with * for any letters) for a while; it is run all the same.

    What still fails at the end fires then. Who was woken before hears all the same that it is over.
    """
    from assay.monitor import matches
    from assay.span import seconds_of
    from assay.store import open_store

    plan, now = plan_for(environment, profile_path), datetime.now(UTC)
    seconds = seconds_of(span)
    if seconds > _LONGEST_S:
        raise UsageError("a silence ends within a year", expected="a span such as 2h", seen=span)
    if not reason.strip():
        raise UsageError("a silence has a reason", hint="--reason 'deploy of the shop'")
    store = open_store(_place(plan))
    try:
        known = _names(plan, store)
        if not any(matches(each, (name,)) for each in known):
            raise UsageError(f"no monitor '{name}' on '{plan.name}'", hint=did_you_mean(name, known))
        until = now + timedelta(seconds=seconds)
        number = store.alerts.silence(plan.name, name, reason.strip(), by or _user(), until, now=now)
    finally:
        store.close()
    click.echo(f"silence {number}: {name} wakes nobody until {_minute(until)}")
    click.echo(f"end it earlier: assay alerts unsilence {number} --env {plan.name}")


@alerts.command()
@click.argument("number", type=int)
@landscape_options
@explained
def unsilence(number: int, environment: str, profile_path: Path | None) -> None:
    """End the silence NUMBER; what still fails fires then."""
    plan, now = plan_for(environment, profile_path), datetime.now(UTC)
    with _opened(plan) as store:
        if store is not None and store.alerts.unsilence(number, now, environment=plan.name):
            click.echo(f"silence {number} is over")
            return
        holding = [] if store is None else store.alerts.silences(plan.name, now)
    numbers = ", ".join(str(each.number) for each in holding) or "none"
    raise UsageError(f"no silence {number} holds on '{plan.name}'", expected=f"one of those that hold: {numbers}")


def _place(plan: Plan) -> Path | str:
    from assay.local.store_place import store_of

    return store_of(plan)


@contextmanager
def _opened(plan: Plan) -> Iterator[Store | None]:
    """Give the store, None where there is none yet."""
    from assay.store import open_store

    where = _place(plan)
    if isinstance(where, Path) and not where.exists():
        yield None
        return
    store = open_store(where)
    try:
        yield store
    finally:
        store.close()


def _roots(plan: Plan) -> list[Path]:
    from assay.runners.scheduler.declared import monitor_roots

    return monitor_roots(plan)


def _monitors(plan: Plan) -> Mapping[str, Monitor]:
    from assay.runners.scheduler.declared import chosen_of, monitors_of

    return chosen_of(monitors_of(plan), (), plan.name)


def _names(plan: Plan, store: Store) -> list[str]:
    """Return what may be silenced; a monitor's file that is wrong tonight keeps nobody from silencing the others."""
    from assay.alerts.reckoning import OWN

    names = {*OWN, *(each.name for each in store.alerts.load(plan.name))}
    try:
        names |= set(_monitors(plan))
    except UsageError as error:
        click.echo(f"assay: the monitors cannot be read ({error.message}); those that ran are known", err=True)
    return sorted(names)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return f"user {os.getuid()}"


def _show(
    kept: list[KeptAlert], silences: list[KeptSilence], stuck: list[Delivery], environment: str, now: datetime
) -> None:
    from assay.alerts.delivery import sentence
    from assay.alerts.text import duration

    if not kept:
        click.echo(f"no monitor of '{environment}' was heard of yet: assay monitor --env {environment}")
    order = {"failing": 0, "unknown": 1, "degraded": 2, "passing": 3}
    width = max((len(each.name) for each in kept), default=0) + 2
    for each in sorted(kept, key=lambda one: (order.get(one.state, 9), one.name)):
        since = duration((now - each.since).total_seconds())
        state = in_colour(f"{each.state:<10}", _COLOURS.get(each.state), sys.stdout)
        click.echo(f"{state}{each.name:<{width}}for {since:<12}{_standing(each)}".rstrip())
    for quiet in silences:
        what = ", ".join(quiet.monitors)
        click.echo(f"silence {quiet.number}: {what} until {_minute(quiet.until)} by {quiet.by}: {quiet.reason}")
    for delivery in stuck:
        click.echo(in_colour("undeliverable: ", "red", sys.stdout) + sentence(delivery))


def _standing(alert: KeptAlert) -> str:
    if alert.suppressed_by:
        return f"listed under '{alert.suppressed_by}'"
    if alert.quiet and alert.state != "passing":
        return f"quiet: {alert.quiet}"
    if alert.flapping:
        return "flapping: told once"
    if alert.kind:
        return f"{alert.severity}{', told' if alert.told else ', not told'}: {alert.summary}"
    return ""


def _show_answers(subject: str, text: str, answers: Mapping[str, Mapping[str, Any]]) -> None:
    click.echo(subject)
    for line in text.splitlines():
        click.echo(f"  {line}")
    click.echo("")
    width = max(len(route) for route in answers) + 2
    for route, answer in answers.items():
        word = "delivered" if answer["delivered"] else "NOT DELIVERED"
        colour = "green" if answer["delivered"] else "red"
        said = "" if answer["said"] == "delivered" else f": {answer['said']}"
        click.echo(f"{route:<{width}}{in_colour(word, colour, sys.stdout)}{said}")


def _alert(each: KeptAlert) -> dict[str, Any]:
    return {
        "name": each.name,
        "state": each.state,
        "since": each.since.isoformat(),
        "kind": each.kind,
        "severity": each.severity,
        "told": each.told,
        "flapping": each.flapping,
        "suppressed_by": each.suppressed_by,
        "children": list(each.children),
        "quiet": each.quiet,
        "summary": each.summary,
    }


def _silence(each: KeptSilence) -> dict[str, Any]:
    return {
        "number": each.number,
        "monitors": list(each.monitors),
        "reason": each.reason,
        "by": each.by,
        "created_at": each.created_at.isoformat(),
        "until": each.until.isoformat(),
    }


def _delivery(each: Delivery) -> dict[str, Any]:
    return {
        "alert": each.alert,
        "route": each.route,
        "kind": each.kind,
        "state": each.state,
        "tries": each.tries,
        "said": each.said,
        "next_at": each.next_at.isoformat() if each.next_at else None,
    }


def _minute(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
