"""What an environment lends to those who read its listings, the same for the commands and for a monitor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.drift.extracting.hashing import key_of, own_key
from assay.drift.extracting.rows import Systems
from assay.drift.pairs.sources.landing import Landing
from assay.errors import UsageError
from assay.profile import read_credential

if TYPE_CHECKING:
    from assay.drift.pairs.sources.options import ListingOptions


def lend(
    connector: Callable[[str, ListingOptions], Any],
    *,
    home: Path,
    project: Path,
    now: Callable[[], datetime],
    patience_s: float = 0.0,
) -> Systems:
    """Return what reads listings with these connectors and this clock.

    home: the environment's folder, where landings and the key of hashed columns lie. project: where relative paths
    start. patience_s: how long a listing that somebody else is reading is waited for.
    """
    folder = home / "drift"

    def key(options: ListingOptions) -> bytes:
        if options.hash_key is None:
            return own_key(folder / "hash.key") if options.hashed else b""
        kind, _, name = options.hash_key.partition(":")
        source = options.hash_key if kind == "env" else f"file:{project / Path(name).expanduser()}"
        value = read_credential(source)
        if not value:
            raise UsageError("the key of hashed columns is not set", where=options.hash_key, hint=f"set {name}")
        return key_of(value)

    return Systems(
        connector=connector,
        landing=lambda options: Landing(folder / "landed", keep=timedelta(seconds=options.keep)),
        now=now,
        key=key,
        patience_s=patience_s,
    )
