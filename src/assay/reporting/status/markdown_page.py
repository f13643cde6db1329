"""Runbooks as pages: the little of Markdown that they use, so that steps and commands are read at a glance at night.

Headings, paragraphs, lists, code, tables, bold and inline code; everything else is shown as it is written. Text never
becomes markup of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup, escape

_INLINE = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")
_ITEM = re.compile(r"(?:[-*]|\d+[.)])\s+(.*)")
_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_RULE = re.compile(r"[\s|:-]+")


@dataclass(frozen=True, slots=True)
class Block:
    """One piece: kind is heading, text, list, numbers, code or table; lines are its lines, rows those of a table."""

    kind: str
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    level: int = 0


def inline(text: str) -> Markup:
    """Return text with its bold and its code, everything else escaped."""
    parts, at = [], 0
    for found in _INLINE.finditer(text):
        code, bold = found.groups()
        parts += [escape(text[at : found.start()]), Markup("<code>{}</code>").format(code) if code else ""]
        parts += [Markup("<strong>{}</strong>").format(bold) if bold else ""]
        at = found.end()
    return Markup("").join([*parts, escape(text[at:])])


def blocks_of(text: str) -> list[Block]:
    """Return the pieces of a document, in order."""
    return [_block(kind, lines) for kind, lines in _pieces(text.splitlines())]


def _pieces(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Group lines that belong together: same kind, and no empty line between (but within code)."""
    kind, held, fenced = "", list[str](), False
    for line in [*lines, ""]:
        if line.lstrip().startswith("```"):
            if held:
                yield kind, held
            kind, held, fenced = ("code" if not fenced else ""), [], not fenced
            continue
        if fenced:
            held.append(line)
            continue
        now = _kind(line, kind)
        if now != kind or now == "heading":
            if held:
                yield kind, held
            kind, held = now, []
        if now:
            held.append(line)
    if held:
        yield kind, held


def _kind(line: str, before: str) -> str:
    if not line.strip():
        return ""
    if _HEADING.match(line):
        return "heading"
    if line.startswith("|"):
        return "table"
    if found := _ITEM.match(line):
        return "numbers" if found[0][0].isdigit() else "list"
    if line.startswith("    ") and before in ("", "code"):
        return "code"
    if line.startswith(" ") and before in ("list", "numbers"):
        return before  # an item goes on
    return "text"


def _block(kind: str, lines: list[str]) -> Block:
    if kind == "heading":
        found = _HEADING.match(lines[0])
        assert found is not None
        return Block(kind, (found[2],), level=len(found[1]))
    if kind == "table":
        rows = [tuple(cell.strip() for cell in line.strip().strip("|").split("|")) for line in lines]
        return Block(kind, rows=tuple(row for row in rows if not _RULE.fullmatch("|".join(row) or "-")))
    if kind in ("list", "numbers"):
        items: list[str] = []
        for line in lines:
            if found := _ITEM.match(line):
                items.append(found[1])
            else:
                items[-1] += f" {line.strip()}"
        return Block(kind, tuple(items))
    if kind == "code":
        cut = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
        return Block(kind, ("\n".join(line[cut:] for line in lines),))
    return Block("text", (" ".join(line.strip() for line in lines),))
