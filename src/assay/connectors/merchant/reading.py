"""The forms in which the merchant's document writes a value: money, instants, days, what may be left out.

What is missing or of another type is refused by `assay.http.Answer`, with its path in the answer.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from assay.http import Answer
from assay.money import Money


def read_money(answer: Answer, path: str | None = None) -> Money:
    """Read an amount with its currency: at the path, or the answer itself."""
    seen = answer if path is None else answer.at(path)
    return Money.of(seen.decimal("amount"), seen.text("currency"))


def money_or_none(answer: Answer, path: str) -> Money | None:
    """Read an amount with its currency; None where there is none."""
    return read_money(answer, path) if answer.has(path) else None


def text_or_none(answer: Answer, path: str) -> str | None:
    """Read a text; None where there is none, or an empty one."""
    return answer.text(path) if answer.has(path) else None


def decimal_or_none(answer: Answer, path: str) -> Decimal | None:
    """Read an exact number; None where there is none."""
    return answer.decimal(path) if answer.has(path) else None


def read_flag(answer: Answer, path: str) -> bool:
    """Read whether something is so."""
    seen = answer.raw.get(path) if isinstance(answer.raw, dict) else None
    return seen if isinstance(seen, bool) else answer.refuse(path, "true or false")


def read_instant(answer: Answer, path: str) -> datetime:
    """Read an instant."""
    try:
        return datetime.fromisoformat(answer.text(path))
    except ValueError:
        return answer.refuse(path, "an instant as ISO 8601 writes it")


def instant_or_none(answer: Answer, path: str) -> datetime | None:
    """Read an instant; None where there is none."""
    return read_instant(answer, path) if answer.has(path) else None


def read_day(answer: Answer, path: str) -> date:
    """Read a day; of an instant, its day."""
    try:
        return date.fromisoformat(answer.text(path)[:10])
    except ValueError:
        return answer.refuse(path, "a day as ISO 8601 writes it")


def items_or_none(answer: Answer, path: str) -> list[Answer]:
    """Read the elements of a list; none where there is no list."""
    return answer.items(path) if answer.has(path) else []


def counts_of(answer: Answer, path: str) -> dict[str, int]:
    """Read whole numbers by name; none where there are none."""
    if not answer.has(path):
        return {}
    seen = answer.at(path)
    return {name: seen.integer(name) for name in seen.raw}
