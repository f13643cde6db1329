"""Extraction of a listing by its API: what a consistent, resumable read costs over reading all pages at one go.

A shop in a process of its own lists orders by pages over HTTP. Printed: CPU seconds of this process and requests, for
the plain listing into Parquet (which loses rows while others write), for the whole read as it is landed, and for the
next one after 0.5 % of the orders changed, by a connector that lists changes and by one that does not.

    python benchmarks/drift_extract.py [--rows 20000] [--page 100]
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pyarrow import parquet

from assay.drift.extracting import LISTINGS, Watermark
from assay.drift.extracting.table import shape_of
from assay.drift.pairs.sources.landing import Faults
from assay.drift.pairs.sources.options import ListingOptions
from assay.http import open_client
from assay.roles import Http, Reply
from tests.engine.drift.listing_server import SHOPS, START, Shop, at, listed, served

DAYS = 20
WINDOW = DAYS * 86_400.0


class Counted:
    """A client that counts its requests."""

    def __init__(self, http: Http) -> None:
        self._http, self.requests = http, 0

    def request(self, method: str, path: str, *, params: Sequence[tuple[str, str]] = (), **more: Any) -> Reply:
        """Send it."""
        self.requests += 1
        return self._http.request(method, path, params=params, **more)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--page", type=int, default=100)
    given = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=serve, args=(given.rows, given.page, theirs))
    child.start()
    try:
        url = ours.recv()
        with tempfile.TemporaryDirectory() as folder:
            measure(url, Path(folder), given.rows, given.page, ours)
    finally:
        ours.send(None)
        child.join()


def serve(rows: int, page: int, pipe: Connection) -> None:
    """Serve a shop until told to stop; a number that comes is how many of its last orders change."""
    shop = Shop(page=page)
    for number in range(1, rows + 1):
        shop.put(number, round((number - 1) * WINDOW / rows, 3))
    with served(shop) as url:
        pipe.send(url)
        while (changes := pipe.recv()) is not None:
            with shop.lock:
                for number in range(rows - changes + 1, rows + 1):
                    shop.change(number, WINDOW + 60 + number * 1e-3)
            pipe.send(shop.answers)


def measure(url: str, folder: Path, rows: int, page: int, pipe: Connection) -> None:
    """Read the shop in each way, and print what each took."""
    print(f"{rows:,} orders of {DAYS} days over HTTP, {page} a page\n{'':38}{'CPU s':>8}{'requests':>10}{'x plain':>9}")
    http = Counted(open_client(url))
    floor, _ = timed(lambda: plain(http, folder / "plain.parquet"))
    line("plain listing, all pages at one go", floor, http.requests, floor)
    for kind in ("offset", "changes"):
        both_reads(url, folder / kind, kind, rows, page, pipe, floor)


def both_reads(url: str, folder: Path, kind: str, rows: int, page: int, pipe: Connection, floor: float) -> None:
    """Read the shop whole, have some orders change, and read it again."""

    def read(now: float) -> tuple[float, Watermark, int]:
        before = answers(pipe)
        taken, found = timed(lambda: listed(url, folder, lambda: at(now), kind, page=page, again="1d").land())
        assert found.mark.rows == rows, found.mark
        return taken, found.mark, answers(pipe) - before

    taken, _, requests = read(WINDOW + 30)
    line("whole read, landed", taken, requests, floor)
    answers(pipe, changes=rows // 200)
    taken, mark, requests = read(WINDOW + 3600)
    assert mark.mode == "changes", mark
    line(f"after 0.5 % changed, {'by change' if kind == 'changes' else 'a day again'}", taken, requests, floor)


def answers(pipe: Connection, changes: int = 0) -> int:
    """Have so many orders change, and return how often the shop answered so far."""
    pipe.send(changes)
    found: int = pipe.recv()
    return found


def plain(http: Http, target: Path) -> None:
    """List all orders page after page and write them."""
    options = ListingOptions.model_validate({"kind": "listing", "listing": "orders"})
    listing = LISTINGS["orders"]
    found = SHOPS["offset"](http).orders(START, at(WINDOW))
    keyed = list(zip(listing.keys(found), found, strict=True))
    parquet.write_table(shape_of(listing, options, b"").table(keyed, 0, Faults()), target)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the CPU seconds it took, and what came of it."""
    began = time.process_time()
    found = work()
    return time.process_time() - began, found


def line(name: str, taken: float, requests: int, floor: float) -> None:
    """Print one row."""
    print(f"{name:38}{taken:8.2f}{requests:10,}{taken / floor:9.2f}", flush=True)


if __name__ == "__main__":
    main()
