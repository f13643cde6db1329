"""Answers that a healthy system gives no well-meant request: without credentials, too many calls, an outage.

And two that need a request before them: unchanged since, and a key nobody has. Refusals are brought about at any
system; 429 and 5xx by our simulators' fault header alone, so that a sandbox is never
pushed over its limits. Every refusal and outage is counted as provoked.
"""

from __future__ import annotations

from collections.abc import Mapping

from assay.runners.conformance.document import Asked
from assay.runners.conformance.engine import Asker
from assay.runners.conformance.tally import Tally

_FAULT = "X-Assay-Fault"


def provoke(
    asked: Asked, asker: Asker, tally: Tally, refused: Mapping[str, Mapping[str, str]], *, faults: bool
) -> None:
    """Ask every operation for the documented refusals and failures that nothing has brought about yet.

    refused: by status, the headers of a caller who is refused with it. faults: the system is a simulator of ours.
    """
    for name, operation in asked.operations():
        if not asker.has_case(name):
            continue
        for status in map(str, operation.get("responses", ())):
            if tally.has(name, status):
                continue
            if status == "404" and "{" in name:
                asker.repeat(name, unknown=True, provoked=False)
            elif status == "304":
                _unchanged(asker, name)
            elif status in refused:
                asker.repeat(name, refused[status])
            elif status == "401":
                asker.repeat(name, authenticated=False)
            elif faults and status == "429":
                asker.repeat(name, {_FAULT: "rate_limit; retry_after=1"})
            elif faults and status.startswith("5"):
                code = status if status.isdigit() else "503"
                asker.repeat(name, {_FAULT: f"status; code={code}"}, may_fail=True)


def _unchanged(asker: Asker, operation: str) -> None:
    """Ask again with what the first answer said of its version (RFC 9110 section 13.1)."""
    first = asker.repeat(operation, provoked=False)
    for sent, told in (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified")):
        found = first.headers.get(told)
        if found:
            asker.repeat(operation, {sent: found[0] if isinstance(found, list) else found}, provoked=False)
            return
