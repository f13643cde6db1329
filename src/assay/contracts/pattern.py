"""Draws a text that a regular expression matches: enough of the language for what vendors write in their documents."""

from __future__ import annotations

import re
import re._constants as _code  # type: ignore[import-not-found]
import re._parser as _parser  # type: ignore[import-not-found]
from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import Any

_PRINTABLE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_ .,:/+@"
_CLASSES = {
    "CATEGORY_DIGIT": "0123456789",
    "CATEGORY_SPACE": " ",
    "CATEGORY_WORD": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_",
}
_MOST_REPEATS = 4
_TRIES = 20


def draw_text(pattern: str, random: Random, *, least: int = 0, most: int | None = None) -> str | None:
    """Draw a text of `least` to `most` characters that the pattern matches somewhere, None where none was found."""
    parsed, compiled = _parsed(pattern)
    if parsed is None or compiled is None:
        return None
    for repeats in (_MOST_REPEATS,) * _TRIES + (0, 1, 2, least, least + 8):
        text = _drawn(parsed, random, max(repeats, 0), {})
        while len(text) < least and not pattern.endswith("$"):
            text += random.choice("abc123")
        if len(text) >= least and (most is None or len(text) <= most) and compiled.search(text):
            return text
    return None


@lru_cache(maxsize=2048)
def _parsed(pattern: str) -> tuple[Any, re.Pattern[str] | None]:
    # JSON Schema's patterns are JavaScript's: names of classes of characters are Python's to leave out.
    text = re.sub(r"\\p\{L[ul]?\}", "A-Za-z", pattern).replace(r"\p{N}", "0-9").replace(r"\/", "/")
    try:
        return _parser.parse(text), re.compile(text)
    except (re.error, RecursionError, OverflowError):
        return None, None


def _drawn(parsed: Any, random: Random, repeats: int, groups: dict[int, str]) -> str:
    return "".join(_part(code, given, random, repeats, groups) for code, given in parsed)


def _part(code: Any, given: Any, random: Random, repeats: int, groups: dict[int, str]) -> str:
    if code is _code.LITERAL:
        return chr(given)
    if code is _code.NOT_LITERAL:
        return random.choice(_PRINTABLE.replace(chr(given), "") or "a")
    if code is _code.ANY:
        return random.choice(_PRINTABLE)
    if code is _code.IN:
        return _one_of(given, random)
    if code is _code.BRANCH:
        return _drawn(random.choice(given[1]), random, repeats, groups)
    if code is _code.SUBPATTERN:
        text = _drawn(given[3], random, repeats, groups)
        if given[0] is not None:
            groups[given[0]] = text
        return text
    if code is _code.GROUPREF:
        return groups.get(given, "")
    if code in (_code.MAX_REPEAT, _code.MIN_REPEAT, _code.POSSESSIVE_REPEAT):
        low, high, inner = given
        count = random.randint(low, max(low, min(high, low + repeats)))
        return "".join(_drawn(inner, random, repeats, groups) for _ in range(count))
    if code is _code.ATOMIC_GROUP:
        return _drawn(given, random, repeats, groups)
    return ""  # anchors and looks ahead take no character; what they forbid is tried again


def _one_of(given: Sequence[tuple[Any, Any]], random: Random) -> str:
    negated = given[0][0] is _code.NEGATE
    letters: list[str] = []
    for code, value in given[1:] if negated else given:
        if code is _code.LITERAL:
            letters.append(chr(value))
        elif code is _code.RANGE:
            low, high = value
            letters += [chr(each) for each in range(low, min(high, low + 300) + 1)]
        elif code is _code.CATEGORY:
            name = str(value)
            is_not = name.startswith("CATEGORY_NOT_")
            known = _CLASSES.get(name.replace("CATEGORY_NOT_", "CATEGORY_"), "")
            letters += [each for each in _PRINTABLE if each not in known] if is_not else known
    if negated:
        return random.choice([each for each in _PRINTABLE if each not in letters] or [" "])
    # Letters that print come first: a range may begin with control characters.
    plain = [each for each in letters if each.isprintable()]
    return random.choice(plain or letters or ["a"])
