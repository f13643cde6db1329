"""Lets one process of monitors hear what its witnesses are answered, and learn from it; the check reads it (O-D1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from assay.contracts.watch import Judge, Judges, Watch, judges_of
from assay.errors import AssayError
from assay.local.documents import documents_of
from assay.local.plan import Plan
from assay.local.store_place import ledger_place
from assay.runners.session import Session
from assay.store import Store, open_store

EVERY_S = 30.0
"""How often what was heard is added to the store, whichever process runs the check."""


def watch_of(plan: Plan, store: Callable[[], Store]) -> Watch:
    """Return what watches an environment's live answers; no document is looked for before the first is needed."""

    @cache
    def found() -> Judges:
        return judges_of(documents_of(plan), plan.environment.systems)

    def judges(system: str) -> Sequence[Judge]:
        return found()(system)

    return Watch(plan.name, store, judges)


@contextmanager
def hearing(session: Session, *, keeps: bool = True) -> Iterator[Watch]:
    """Let a watch hear every exchange of a session and of its siblings while the block runs.

    keeps: whether anything is learned; without it the watch only says what was learned before.
    """
    watch = watch_of(session.plan, lambda: session.shared_store)
    if not keeps:
        yield watch
        return
    session.ears.append(watch.hear)
    try:
        yield watch
    finally:
        session.ears.remove(watch.hear)


@contextmanager
def opened_watch(plan: Plan) -> Iterator[Watch]:
    """Give the watch of an environment nobody has open; a store that is not there yet stays so, and is empty."""
    where = ledger_place(plan)
    with ExitStack() as ending:
        if isinstance(where, Path) and not where.exists():
            where = Path(ending.enter_context(TemporaryDirectory(prefix="assay-watch-"))) / "empty.sqlite"
        store = open_store(where)
        ending.callback(store.close)
        yield watch_of(plan, lambda: store)


def last_learned(watch: Watch, say: Callable[[str], None]) -> None:
    """Keep what is still waiting, where the store takes it: the process ends."""
    try:
        watch.learn()
    except AssayError as error:
        say(f"the last live answers were not learned from: {error.message}")
