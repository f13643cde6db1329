"""`assay sweep`: take back what crashed runs left in real systems."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.shared import explained, json_option, landscape_options, plan_for

if TYPE_CHECKING:
    from assay.local.plan import Plan
    from assay.store import Store
    from assay.undo import Reckoning

_FORMAT = 1


@click.command()
@landscape_options
@click.option(
    "--store",
    "address",
    help="Store that holds the undo ledger: a file or a postgresql:// URL; else the environment's ledger.",
)
@json_option
@explained
def sweep(environment: str, profile_path: Path | None, address: str | None, as_json: bool) -> None:
    """Take back what crashed runs left behind: orders, payments.

    What was created without an answer is looked up first. Exit codes: 0 nothing is left, 1 something leaked and is
    named, 3 a system did not answer or a run still goes on: sweep again later.
    """
    plan = plan_for(environment, profile_path)
    reckoning = _swept(plan, address)
    if as_json:
        content = {
            "format": _FORMAT,
            "environment": environment,
            "exit_code": reckoning.exit_code,
            "leak_count": len(reckoning.leaks),
            "undone": reckoning.undone,
            "never_created": reckoning.absent,
            "waiting": reckoning.waiting,
            "leaks": reckoning.leaks,
        }
        click.echo(json.dumps(content, indent=2))
    else:
        _show(reckoning)
    sys.exit(reckoning.exit_code)


def _swept(plan: Plan, address: str | None) -> Reckoning:
    from assay.local.store_place import ledger_place
    from assay.store import open_store
    from assay.undo import Reckoning

    where = ledger_place(plan)
    if address:
        where = address if "://" in address else Path(address)
    if isinstance(where, Path) and not where.exists():
        return Reckoning()
    store = open_store(where)
    try:
        if not store.intents.unsettled(plan.name):
            return Reckoning()
        return _with_landscape(plan, store)
    finally:
        store.close()


def _with_landscape(plan: Plan, store: Store) -> Reckoning:
    from assay.runners.session import Session
    from assay.undo import Ledger

    with Session(plan, plan.home.read()) as session:
        return Ledger(store=store, environment=plan.name, now=session.now).sweep(session.landscape)


def _show(reckoning: Reckoning) -> None:
    groups = (
        ("taken back", reckoning.undone),
        ("never created", reckoning.absent),
        ("not yet", reckoning.waiting),
        ("LEAKED", reckoning.leaks),
    )
    for title, sentences in groups:
        for sentence in sentences:
            click.echo(f"{title:<14}{sentence}")
    if reckoning.state == "none":
        click.echo("nothing to take back")
    else:
        counts = [f"{len(sentences)} {title.lower()}" for title, sentences in groups if sentences]
        click.echo(f"{', '.join(counts)}; leak count {len(reckoning.leaks)}")
