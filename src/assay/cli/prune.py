"""`assay prune`: remove results, journal and settled intents that are older than the profile keeps."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.clock import parse_span
from assay.cli.shared import explained, find, json_option, plan_for, profile_option
from assay.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FORMAT = 1
_DAY = timedelta(days=1)


@click.command()
@click.option("--older-than", "age", metavar="SPAN", help="Such as 30d or 8w; [store] keep_days of the profile, else.")
@click.option("--env", "environment", help="This environment alone; all of the profile by default.")
@profile_option
@json_option
@explained
def prune(age: str | None, environment: str | None, profile_path: Path | None, as_json: bool) -> None:
    """Remove runs with their results, journal and settled intents that are older than they need to be kept.

    What is still to be taken back in a real system always stays. Exit 0 also where there was nothing to remove.
    """
    profile, _ = find(profile_path)
    keep_days = profile.store.keep_days if age is None else _days(age)
    now = datetime.now(UTC)
    names = [environment] if environment else list(profile.environments)
    removed = {name: _pruned(name, profile_path, keep_days, now) for name in names}
    before = (now - keep_days * _DAY).isoformat(timespec="seconds")
    if as_json:
        content = {"format": _FORMAT, "keep_days": keep_days, "before": before, "removed": removed}
        click.echo(json.dumps(content, indent=2))
        return
    for name, rows in removed.items():
        parts = [f"{count:,} {table}" for table, count in rows.items() if count]
        click.echo(f"{name:<14}{', '.join(parts) or 'nothing'} removed, older than {keep_days} days (before {before})")


def _pruned(environment: str, profile_path: Path | None, keep_days: int, now: datetime) -> Mapping[str, int]:
    from assay.local.store_place import store_of
    from assay.store import open_store

    where = store_of(plan_for(environment, profile_path))
    if isinstance(where, Path) and not where.exists():
        return {}
    store = open_store(where)
    try:
        return store.prune(keep_days=keep_days, now=now, environment=environment)
    finally:
        store.close()


def _days(age: str) -> int:
    """Return the whole days of a span; `UsageError` for parts of a day, which nobody keeps results by."""
    span = parse_span(age)
    if span % _DAY:
        raise UsageError("results are kept by whole days", expected="30d or 8w", seen=age)
    return span // _DAY
