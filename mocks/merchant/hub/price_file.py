"""The price list that the ERP drops as a file: read whole, and again when the file is another one.

It is `prices.csv` beside `catalogue.json`, or the one at the same place of the user's project, which goes first.
"""

from __future__ import annotations

from pathlib import Path

from mocks.merchant.shop import Shop
from mocks.merchant.storefront.price_list import SOURCE, PriceList, is_taken_over, read_prices


def due(shop: Shop) -> str | None:
    """Return now where the file is another one than was looked at last."""
    return shop.now_iso() if _state_of(_place(shop)) != shop.price_list.seen else None


def take_over(shop: Shop) -> int:
    """Read the file and put its prices in place of the known ones; return how many rows were taken over.

    A file with a row that cannot be read is left alone, and the known prices stay.
    """
    place = _place(shop)
    seen, known = _state_of(place), shop.price_list.rows
    try:
        rows = read_prices(place)
    except (OSError, ValueError) as error:
        shop.log.write("prices_failed", file=str(place), error=str(error))
        rows = dict(known)
    if known and not is_taken_over(known, rows):
        rows = dict(known)
    taken = sum(map(len, rows.values())) if rows != known else 0
    shop.price_list = PriceList(rows, seen)
    shop.log.write("prices", rows=taken)
    return taken


def _place(shop: Shop) -> Path:
    """Return the file: the project's, else the one that comes with the merchant."""
    own = Path(__file__).parents[1] / SOURCE.name
    return next((root / SOURCE for root in shop.config.suite_roots if (root / SOURCE).is_file()), own)


def _state_of(place: Path) -> tuple[str, int, int]:
    try:
        found = place.stat()
    except OSError:
        return (str(place), 0, 0)
    return (str(place), found.st_mtime_ns, found.st_ino)
