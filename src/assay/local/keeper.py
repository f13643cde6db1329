"""Keeps the edge's journal: ``python -m assay.local.keeper CONFIG`` moves it into the store while the landscape is up.

The edge holds every call in memory until somebody takes it; this process takes it about once a second. It follows the
edge of its landscape by the landscape's own file, so that a repaired edge is followed too, and a span in which the
edge was gone is remembered as a gap.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from assay.edge import Exchange, Gap, Harvester, attach
from assay.errors import InfrastructureError
from assay.local.routing import edge_state
from assay.local.state import Home
from assay.records import Call
from assay.store import Store, open_store

_EVERY_S = 1.0


def main(arguments: Sequence[str]) -> int:
    """Run until SIGTERM; the last pass empties the edge."""
    config = json.loads(Path(arguments[0]).read_text())
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    home = Home.at(Path(config["home"]), config["environment"])
    store = open_store(Path(config["store"]))
    ready = Path(config["ready"])
    draft = ready.with_suffix(".part")
    draft.write_text(json.dumps({"pid": os.getpid(), "ports": {}}))
    draft.replace(ready)
    keep(home, store, stop)
    store.close()
    return 0


def keep(home: Home, store: Store, stop: threading.Event) -> None:
    """Harvest the edge of this landscape until told to stop, whichever process serves it meanwhile."""
    harvester: Harvester | None = None
    started_at: float | None = None
    while True:
        last = stop.wait(_EVERY_S)
        with contextlib.suppress(InfrastructureError):
            state = edge_state(home.read(), home)
            if harvester is None or state.started_at != started_at:
                seen = harvester.last_seen if harvester else None
                harvester, started_at = _harvester(home, store, last_seen=seen), state.started_at
        if harvester is not None:
            harvester.harvest()
        if last:
            if harvester is not None:
                harvester.close()
            return


def _harvester(home: Home, store: Store, **more: object) -> Harvester:
    edge = attach(edge_state(home.read(), home))

    def keep_exchanges(exchanges: Sequence[Exchange]) -> None:
        store.add_calls(home.environment, [as_call(exchange) for exchange in exchanges])

    def keep_gap(gap: Gap) -> None:
        store.add_gap(home.environment, gap.since, gap.until)

    return Harvester(edge.admin, keep_exchanges, on_gap=keep_gap, **more)  # type: ignore[arg-type]


def as_call(exchange: Exchange) -> Call:
    """Return an exchange of the edge as the store keeps it."""
    return Call(
        id=exchange.id,
        at=exchange.started_at,
        system=exchange.system,
        way=exchange.way,
        method=exchange.method,
        host=exchange.host,
        path=exchange.path,
        query=exchange.query,
        status=exchange.status,
        duration_ms=exchange.duration_ms or 0,
        refused=exchange.refused,
        fault=exchange.fault,
        request_headers=dict(exchange.request_headers),
        request_body=str(exchange.request_body),
        response_headers=dict(exchange.response_headers),
        response_body=str(exchange.response_body),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
