"""Text of other people made fit to print: every report shows it as it is, and none is broken by it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

# What no report format carries, or carries unseen: C0 and C1 controls but tab and line ends, lone surrogates, the two
# code points that are no characters (XML 1.0, section 2.2), and marks that turn the text after them (Unicode UAX 9).
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    r"""Return the text with what cannot be seen written out: a NUL becomes ``\x00``, an override ``\u202e``."""
    return _UNPRINTABLE.sub(_written_out, text)


def one_line(text: str) -> str:
    """Return the text on one line, printable."""
    return " ".join(printable(text).split())


def clip(text: str, limit: int) -> str:
    """Return at most `limit` characters of the text, printable; what was cut off is told with the whole length."""
    if len(text) <= limit:
        return printable(text)
    return f"{printable(text[:limit])}… (cut; {len(text):,} characters in all)"


def plural(count: int, noun: str, nouns: str = "") -> str:
    """Return ``1 case`` or ``2 cases``; `nouns` where the plural is not formed with an s."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def instant(at: datetime | None) -> str:
    """Return an instant in UTC for people, to the second; empty for none."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at else ""


def duration(seconds: float) -> str:
    """Return a time span for people: ``35 ms``, ``1.8 s``, ``3 min 20 s``, ``25 h 0 min``."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _written_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
