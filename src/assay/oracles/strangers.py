"""What the platform called although nobody declared it: the edge refused it, and that is a finding of its own.

Not an oracle of the specification: it needs no order, only the journal. A new integration, a misspelt host or a
forgotten test address shows itself here before it shows itself to a customer.
"""

from __future__ import annotations

from collections.abc import Iterable

from assay.events import Finding, Result
from assay.records import Call

ID = "EDGE"


def strangers(calls: Iterable[Call]) -> list[Finding]:
    """Return one finding a refused host, with how often it was called and the first calls as evidence."""
    refused: dict[str, list[Call]] = {}
    for call in calls:
        if call.refused:
            refused.setdefault(call.host, []).append(call)
    return [
        Finding(
            oracle=ID,
            result=Result.FAIL,
            order_ref="the platform's calls",
            systems=("platform", host),
            expected="only hosts the profile declares",
            seen=f"{len(seen)} calls to {host}",
            formula="every host in the edge's journal is declared in assay.toml",
            cause="the platform calls a system nobody declared, or misspells one",
            evidence=tuple(f"{call.at.isoformat()} {call.method} {call.path} {call.status}" for call in seen[:5]),
        )
        for host, seen in sorted(refused.items())
    ]
