"""The append-only log: one JSON line for each thing done, with card data and secrets masked before they are written."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from mocks.merchant.seams import seam

_SECRET_NAMES = re.compile(r"(?i)(authorization|password|secret|token|api_?key|cookie|credential|cvc|cvv|access_key)")
_CARD_NUMBER = re.compile(r"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)")
_SECRET_VALUES = re.compile(r"\b(?:sk|rk|pk|whsec)_[A-Za-z0-9_]+|(?i:bearer|basic) [A-Za-z0-9._~+/=-]+")


@seam("logging and stored data")
def mask(value: Any) -> Any:
    """Return a value fit for the log: card numbers as first six and last four, secrets as ***."""
    if isinstance(value, dict):
        return {key: "***" if _is_secret(str(key), item) else mask(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mask(item) for item in value]
    if isinstance(value, str):
        return _SECRET_VALUES.sub("***", _CARD_NUMBER.sub(_short_card, value))
    return value


@seam("logging and stored data")
def is_logged(switched_on: bool, what: str) -> bool:
    """Say whether an entry of this kind is written, given the shop's log switch."""
    return switched_on


@seam("logging and stored data")
def stored_gateway_answer(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a gateway's answer: references and outcome, no payment data."""
    kept = ("id", "status", "amount", "currency", "latest_charge", "capture_method", "capture", "authorization")
    stored = {name: answer[name] for name in kept if name in answer}
    charge = stored.get("latest_charge")
    return {**stored, "latest_charge": charge["id"]} if isinstance(charge, dict) else stored


def _is_secret(name: str, value: Any) -> bool:
    """Say whether a field is left out whole: by its name, or as the card fields a gateway's form handed over."""
    return bool(_SECRET_NAMES.search(name)) or (name == "payment_method" and str(value).lstrip().startswith("{"))


def is_card_number(digits: str) -> bool:
    """Say whether the digits pass the Luhn check of card numbers."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


class Log:
    """Appends masked JSON lines to one file."""

    def __init__(self, path: Path, now: Callable[[], str], switched_on: Callable[[], bool]) -> None:
        self._file = path.open("ab", buffering=0)
        self._now = now
        self._switched_on = switched_on
        self._lock = threading.Lock()

    def write(self, what: str, **fields: Any) -> None:
        """Append one entry: simulated instant, what happened, and its fields masked."""
        if not is_logged(self._switched_on(), what):
            return
        line = orjson.dumps({"at": self._now(), "what": what, **mask(fields)}, default=str) + b"\n"
        with self._lock:
            self._file.write(line)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _short_card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match.group())
    return f"{digits[:6]}…{digits[-4:]}" if is_card_number(digits) else match.group()
