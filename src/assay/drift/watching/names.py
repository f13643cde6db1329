"""Which pairs a monitor of the check `records` compares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CHECK = "records"


def pairs_named(options: Mapping[str, Any]) -> list[str]:
    """Return the pairs that a monitor's options name: `pair = "orders"`, or `pairs = ["orders", "ledger"]`."""
    one, several = options.get("pair", ""), options.get("pairs", ())
    return list(dict.fromkeys(str(each) for each in ([one] if one else []) + list(several)))
