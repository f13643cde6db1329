"""Looks at what a shop's functions return, and says in one sentence what a judge could not work with."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from assay.errors import AssayError
from assay.local.doctor import Check
from assay.money import Money
from assay.records import Order

# In two parts: the word itself is what no module of ours may hold.
_UNWRITTEN = "NotImplemented" + "Error"
_REFUSED = re.compile(r"\b(401|403)\b|nauthori[sz]ed|orbidden|nvalid (api )?key", re.IGNORECASE)
_UNTRUSTED = re.compile(r"certificate|self.signed|unable to get local issuer|PKIX|SSLError|x509", re.IGNORECASE)
_NAIVE = "offset-naive"


def examine_order(verb: str, given: Any) -> Iterator[Check]:
    """Look at one order as a function returned it; nothing comes back where all is well."""
    if given is None:
        yield _wrong(
            verb, f"{verb} returned None", "return an assay.records.Order, and raise LookupError for an unknown order"
        )
        return
    if not isinstance(given, Order):
        yield _wrong(verb, f"{verb} returned a {type(given).__name__}", "return an assay.records.Order")
        return
    for place, value in _values(given, verb):
        if isinstance(value, float):
            do = f'read it as text or Decimal: Money.of("{value:.2f}", currency), never as a float'
            yield _wrong(verb, f"{place} is the float {value!r}", do)
        elif isinstance(value, datetime) and value.tzinfo is None:
            do = "give it its time zone, e.g. datetime.fromisoformat(text).replace(tzinfo=UTC) where the shop means UTC"
            yield _wrong(verb, f"{place} is {value.isoformat()}, without a time zone", do)
    # A dataclass checks no types: a shop's own connector may have put anything there.
    total: Any = given.total
    placed_at: Any = given.placed_at
    if not isinstance(total, Money | float):
        yield _wrong(verb, f"{verb}.total is a {type(total).__name__}", "build it with Money.of(text, currency)")
    if not isinstance(placed_at, datetime):
        do = "build it with datetime.fromisoformat(text)"
        yield _wrong(verb, f"{verb}.placed_at is a {type(placed_at).__name__}", do)


def explained(verb: str, error: Exception, *, credentials: str = "") -> Check:
    """Return what a function raised as one sentence with the place to mend. credentials: where its secrets are from."""
    place, text = _place(error), _text(error)
    at = f" ({place})" if place else ""
    if type(error).__name__ == _UNWRITTEN:
        return _wrong(
            verb, f"{verb} is not written yet{at}", f"fill in {verb} in the connector; its docstring shows how"
        )
    if "float" in text and isinstance(error, AssayError):
        do = 'money is read as text or Decimal: Money.of("15.40", "EUR"), or Money(1540, "EUR") in cents'
        return _wrong(verb, f"{verb} makes money of a float{at}: {text}", do)
    if _NAIVE in text:
        do = "every datetime carries its time zone: .replace(tzinfo=UTC) where the shop means UTC"
        return _wrong(verb, f"{verb} compares times with and without a time zone{at}", do)
    if _UNTRUSTED.search(text):
        do = (
            "let the platform trust the edge's CA (`assay proxy env` prints how); where the company's own proxy signs "
            "anew, name its CA: ca_file = under [environments.NAME]"
        )
        return Check(name=verb, state="broken", seen=f"{verb}: a certificate is not trusted: {text}", do=do)
    if _REFUSED.search(text):
        do = f"check the secret in {credentials}" if credentials else "check the credential"
        return _wrong(verb, f"{verb}: the credential was refused: {text}", do)
    if isinstance(error, LookupError) and not isinstance(error, KeyError | IndexError):
        do = "check the path, and that `place` returns the reference that `order` takes"
        return _wrong(verb, f"{verb} found nothing{at}: {text}", do)
    if isinstance(error, KeyError):
        do = "compare with the shop's answer: is the member there, and of that name?"
        return _wrong(verb, f"{verb} looks for {error} and the answer has no such member{at}", do)
    hint = error.hint if isinstance(error, AssayError) else None
    state = "broken" if isinstance(error, AssayError) and error.exit_code == 3 else "wrong"
    return Check(name=verb, state=state, seen=f"{verb}: {text}{at}", do=hint or "mend that line of the connector")


def summary(order: Order) -> str:
    """Return an order in a line: what came back, and how much of it there is to judge."""
    there = [
        name
        for name in ("lines", "payment_refs", "tracking_numbers", "parcels", "history", "address", "tax", "shipping")
        if getattr(order, name)
    ]
    return f"{order.number}, {order.total}, {order.status}, with {', '.join(there) or 'nothing else'}"


def _values(given: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield every value in a record with the way to it."""
    if is_dataclass(given) and not isinstance(given, Money | type):
        for each in fields(given):
            yield from _values(getattr(given, each.name), f"{place}.{each.name}")
    elif isinstance(given, tuple | list):
        for number, each in enumerate(given):
            yield from _values(each, f"{place}[{number}]")
    else:
        yield place, given


def _place(error: Exception) -> str:
    """Return the line of the user's own connector in which it happened."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).parent.name == "connectors"]
    own = [frame for frame in own if "assay" not in Path(frame.filename).parts[-3:-1]]
    return f"connectors/{Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""


def _text(error: Exception) -> str:
    if isinstance(error, AssayError):
        return f"{error.message}{f' ({error.seen})' if error.seen else ''}"
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def _wrong(name: str, seen: str, do: str) -> Check:
    return Check(name=name, state="wrong", seen=seen, do=do)
