"""Access oracles. O-Z1: no card data at rest, wherever the harness may look.

Texts are searched when a dossier is gathered and then thrown away: a finding must not carry the card number on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from assay.events import Finding
from assay.oracles.judge import failed, oracle, passed, population_oracle, unjudged
from assay.oracles.judging import Judging
from assay.records import Call, CardTrace, Dossier, Order, Population, Scan

# Issuers' number ranges that are sold today, 15 or 16 digits; a GTIN or an instant in milliseconds fits none of them.
_NUMBER = re.compile(
    r"(?<![0-9A-Za-z.])(?:4\d{3}|5[1-5]\d{2}|2[2-7]\d{2}|3[47]\d{2}|35\d{2}|6011|65\d{2})"
    r"(?:[ -]?\d){11,12}(?![0-9A-Za-z])"
)
_TRACK = re.compile(r"%B\d{13,19}\^|;\d{13,19}=\d{4}")
_CHECK_NAMES = r"(?:cvc2?|cvv2?|cvn|cvx|card_?verification_?value|security_?code|cid)"
_CHECK = re.compile(rf"(?i)(?<![a-z0-9_]){_CHECK_NAMES}[\"'\]\\]*\s*[:=>]\s*[\"'\\]*\d{{3,4}}(?!\d)")
# The journal is masked before it is stored: that something stood there is seen by the field's name.
_SENT = re.compile(
    rf"(?i)(?:card(?:%5b|\[)(?:number|cvc)(?:%5d|\])=|(?<![a-z0-9_])(?:card_?number|pan|{_CHECK_NAMES})[\"'\]\\]*\s*[:=>])"
)
_LUHN = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


@oracle("O-Z1", needs=("scans",), formula="no card number (but first 6 and last 4), check value or track data at rest")
def no_card_data(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Look at what was found in logs and answers, and for card fields in calls of the platform itself."""
    if not dossier.scans:
        return unjudged("nothing was searched: neither logs nor the shop's answers")
    if (finding := _written_down(dossier.scans)) is not None:
        return finding
    for call in dossier.calls:
        if (name := _card_field(call)) is not None:
            return failed(
                "shop",
                call.system,
                expected="card data that never passes the platform",
                seen=f"{name} in {call.method} {call.path}",
                cause="the platform handles card numbers itself instead of the gateway's token",
            )
    return passed()


@population_oracle(
    "O-Z1", needs=("logs",), formula="no card number (but first 6 and last 4), check value or track data in any log"
)
def no_card_data_in_logs(population: Population, judging: Judging) -> Finding:
    """Look at what was found in the platform's logs, which belong to no single order."""
    if not population.scans:
        return unjudged("no log may be searched here: systems.ID.logs in the profile")
    return replace(_written_down(population.scans) or passed(), order_ref="the platform's logs")


def _written_down(scans: Iterable[Scan]) -> Finding | None:
    for scan in scans:
        if scan.traces:
            return failed(
                "shop",
                expected=f"no card data in {scan.place}",
                seen=", ".join(f"{trace.kind} {trace.shown}" for trace in scan.traces[:3]),
                cause="a raw request or answer was written down without masking",
            )
    return None


def scan_text(place: str, text: str, canaries: Mapping[str, str]) -> Scan:
    """Search a text for card numbers, check values, track data, and the canaries of this run (kind by text)."""
    return Scan(place=place, characters=len(text), traces=tuple(dict.fromkeys(_traces(text, canaries))))


def _traces(text: str, canaries: Mapping[str, str]) -> Iterator[CardTrace]:
    for canary, kind in canaries.items():
        if canary and canary in text:
            yield CardTrace(kind=kind, shown=_masked(canary))
    for match in _NUMBER.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        # 15 digits are American Express alone.
        if (len(digits) == 15) == digits.startswith(("34", "37")) and _is_luhn(digits):
            yield CardTrace(kind="card number", shown=_masked(digits))
    for _ in _TRACK.finditer(text):
        yield CardTrace(kind="track data", shown="***")
    for match in _CHECK.finditer(text):
        yield CardTrace(kind="check value", shown=re.sub(r"\d{3,4}$", "***", match[0]))


def _card_field(call: Call) -> str | None:
    if call.way == "reverse":
        return None
    match = _SENT.search(call.request_body)
    return match[0].rstrip("=:> \"'\\") if match else None


def _masked(value: str) -> str:
    """Show as much as may be kept of a card number, and less of anything else."""
    if value.isdigit() and len(value) >= 13:
        return f"{value[:6]}{'*' * (len(value) - 10)}{value[-4:]}"
    return f"{value[:1]}***"


def _is_luhn(digits: str) -> bool:
    reverse = [int(digit) for digit in reversed(digits)]
    return (sum(reverse[::2]) + sum(_LUHN[digit] for digit in reverse[1::2])) % 10 == 0
