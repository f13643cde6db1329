"""Why two words or texts differ: cut, padded, misread, mapped wrongly."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from urllib.parse import unquote, unquote_plus

from assay.drift.pairs.causes.hint import Facing, Hint
from assay.drift.pairs.causes.written import number
from assay.drift.pairs.model import Cause, Kind

# The 27 bytes of cp1252 that are no character in Latin-1, and five that are none in either and stay what they are.
_CP1252 = {byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256)}
_REPLACED = "\ufffd"
_LEAST_CUT = 2
_FLOATING = re.compile(r"-?\d+(?:[.,]\d+)?[eE]\+?\d+")
_LONG_NUMBER, _LONGEST_NUMBER = 2**53, 40
_LONGEST = 10_000
"""Longer texts are not read in other encodings: it takes two dozen passes."""


def hints(facing: Facing) -> Iterator[Hint]:
    """Give what would make the right's text of the left's."""
    left, right = facing.apart.left, facing.apart.right
    if not left or not right:
        return
    if max(len(left), len(right)) <= _LONGEST:
        yield from _encodings(facing, left, right)
    yield from _cut(facing, left, right)
    yield from _zeros(facing, left, right)
    yield from _shapes(facing, left, right)


def statuses(facing: Facing) -> Iterator[Hint]:
    """Give why the right's word is not the one that the map gives for the left's."""
    left, right, known = facing.apart.left, facing.apart.right, facing.field.statuses
    if left is None or right is None:
        return
    label = f"{left} to {right}"
    if left not in known:
        said = f"`{right}`, and nobody mapped {facing.master} `{left}`"
        yield Hint(Cause.STATUS_MAP, f"unmapped {left}", said, 0.92)
    elif right not in known.values():
        said = (
            f"{facing.master} own word `{left}`, not mapped" if left == right else f"`{right}`, which no word maps to"
        )
        yield Hint(Cause.STATUS_MAP, "own word" if left == right else f"unknown {right}", said, 0.9)
    # One record may simply be behind; many of the same word, and none that is right, are a map.
    said = f"`{right}` where {facing.master} `{left}` is to be `{known.get(left, right)}`"
    yield Hint(Cause.STATUS_MAP, label, said, 0.45, alone=False)


def flags(facing: Facing) -> Iterator[Hint]:
    """Give why two yes-or-no values differ."""
    if facing.apart.left is not None and facing.apart.right is not None:
        yield Hint(Cause.UNKNOWN, "turned", f"the opposite of {facing.master}", 0.5)


def absent(facing: Facing) -> Iterator[Hint]:
    """Give that one side has no value, and that the right has one value whatever the left says."""
    left, right = facing.apart.left, facing.apart.right
    if right is None or (right == "" and left):
        yield Hint(Cause.UNKNOWN, "empty", f"empty where {facing.pair.left.system} has a value", 0.6)
    elif left is None or (left == "" and right):
        yield Hint(Cause.UNKNOWN, "filled", f"filled where {facing.pair.left.system} has no value", 0.6)
    elif len(right) <= 40:
        yield Hint(Cause.UNKNOWN, f"always {right}", f"`{right}`, whatever {facing.pair.left.system} has", 0.4)


def other_columns(facing: Facing) -> Iterator[Hint]:
    """Give another column of the left's whose value the right has here."""
    right = facing.apart.right
    if not right or len(right) < _LEAST_CUT:
        return
    for column, value in facing.values():
        if value is not None and str(value) == right:
            yield Hint(Cause.UNKNOWN, f"column {column}", f"{facing.master} `{column}`", 0.55)


def _encodings(facing: Facing, left: str, right: str) -> Iterator[Hint]:
    if left.isascii() and right.isascii() and not ("&" in right or "%" in right or "\\" in right):
        return
    if facing.field.kind is Kind.IDENTIFIER and _nfc(left) == _nfc(right):
        yield Hint(Cause.ENCODING, "form", f"{facing.master} letters in another Unicode form", 0.9)
        return
    for how, read in (("cp1252", as_cp1252), ("Latin-1", as_latin_1)):
        once, back = read(left), read(right)
        for made, label, words in (
            (once, f"as {how}", f"{facing.master} UTF-8 read as {how}"),
            (read(once), f"as {how} twice", f"{facing.master} UTF-8 read as {how} twice"),
        ):
            if made != left and made == right:
                yield Hint(Cause.ENCODING, label, words, 0.96 if how == "cp1252" else 0.95)
            elif made != left and len(right) > len(left) // 2 and made.startswith(right) and not left.startswith(right):
                yield Hint(Cause.ENCODING, f"{label}, cut", f"{words}, and cut", 0.86)
        if back != right and back == left:
            words = f"readable, where {facing.master} is UTF-8 read as {how}"
            yield Hint(Cause.ENCODING, f"left as {how}", words, 0.95)
    for made, label, words in _lossy(left, right):
        if made != left and made == right:
            yield Hint(Cause.ENCODING, label, f"{facing.master} {words}", 0.93)
    if _REPLACED in right and _is_pattern(re.split(f"{_REPLACED}+", right), left):
        yield Hint(Cause.ENCODING, "replaced", f"{facing.master} with replacement characters", 0.92)


def _is_pattern(parts: Sequence[str], text: str) -> bool:
    """Whether the text has these parts in order, its ends at its ends, with something not ASCII between them."""
    if text.isascii() or len(text) < sum(map(len, parts)) or not text.endswith(parts[-1]):
        return False
    at = 0
    for place, part in enumerate(parts[:-1]):
        found = text.find(part, at)
        if found < 0 or (place == 0 and found > 0):
            return False
        at = found + len(part)
    return at <= len(text) - len(parts[-1])


def _lossy(left: str, right: str) -> Iterator[tuple[str, str, str]]:
    """Give the texts that lose or write otherwise what is not ASCII."""
    for codec in ("ascii", "latin-1", "cp1252"):
        yield left.encode(codec, "replace").decode(codec), "question marks", f"with `?` for what {codec} lacks"
        yield left.encode(codec, "ignore").decode(codec), "left out", f"without what {codec} lacks"
    yield left.encode("latin-1", "replace").decode("utf-8", "replace"), "as UTF-8", "Latin-1 read as UTF-8"
    yield folded(left), "folded", "without its accents"
    if "&" in right and html.unescape(right) == left:
        yield right, "HTML", "with characters written as in HTML"
    if "%" in right and left in (unquote(right), unquote_plus(right)):
        yield right, "URL", "with characters written as in addresses"
    if "\\" in right and re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), right) == left:
        yield right, "escaped", "with characters written as `\\u….`"


def _cut(facing: Facing, left: str, right: str) -> Iterator[Hint]:
    kept = right.removesuffix("...").removesuffix("…") if right.endswith(("...", "…")) else right
    if _LEAST_CUT <= len(kept) < len(left) and left.startswith(kept):
        size, length = len(right.encode(errors="replace")), len(right)
        yield Hint(Cause.TRUNCATED, f"{length} characters", f"{facing.master} cut at {length} characters", 0.87)
        if size != length:
            yield Hint(Cause.TRUNCATED, f"{size} bytes", f"{facing.master} cut at {size} bytes", 0.86)
        else:
            yield Hint(Cause.TRUNCATED, f"{size} bytes", f"{facing.master} cut at {size} characters", 0.85)
        yield Hint(Cause.TRUNCATED, "cut", f"the beginning of {facing.master}", 0.8)
    elif _LEAST_CUT <= len(right) < len(left) and left.endswith(right) and left.strip() != right:
        if left[: -len(right)].strip("0"):
            words = f"the last {len(right)} characters of {facing.master}"
            yield Hint(Cause.TRUNCATED, f"last {len(right)}", words, 0.8)
    elif _LEAST_CUT <= len(left) < len(right) and right.startswith(left) and right.strip() != left:
        words = f"longer than {facing.master}, which ends after {len(left)} characters"
        yield Hint(Cause.TRUNCATED, f"left {len(left)}", words, 0.7, alone=False)
        yield Hint(
            Cause.TRUNCATED, "left cut", f"longer than {facing.master}, which is the beginning of it", 0.65, alone=False
        )


def _zeros(facing: Facing, left: str, right: str) -> Iterator[Hint]:
    short, other = left.lstrip("0"), right.lstrip("0")
    if short == other and left != right:
        if len(right) < len(left):
            yield Hint(Cause.LEADING_ZEROS, "without", f"{facing.master} without its leading zeros", 0.94)
        else:
            yield Hint(Cause.LEADING_ZEROS, "padded", f"{facing.master} with leading zeros", 0.93)
    if _FLOATING.fullmatch(right) or right.endswith(".0"):
        ours, theirs = number(left), number(right.replace(",", "."))
        if ours is not None and theirs is not None and ours and abs(theirs / ours - 1) < 1e-3:
            yield Hint(Cause.TRUNCATED, "floating", f"{facing.master} as a floating number", 0.9)
    elif _is_number(left) and _is_number(right) and int(left) > _LONG_NUMBER and int(float(left)) == int(right):
        yield Hint(Cause.TRUNCATED, "53 bits", f"{facing.master} cut to the 53 bits of a floating number", 0.95)


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= _LONGEST_NUMBER


def _shapes(facing: Facing, left: str, right: str) -> Iterator[Hint]:
    """Give changes without a cause's name, that many records may share all the same."""
    if left.strip() == right.strip() or left.split() == right.split():
        yield Hint(Cause.UNKNOWN, "white space", f"{facing.master} but for white space", 0.8)
    elif left.casefold() == right.casefold():
        yield Hint(Cause.UNKNOWN, "case", f"{facing.master} but for upper and lower case", 0.8)
    elif right.endswith(left):
        before = right[: -len(left)]
        if before.strip("0"):
            yield Hint(Cause.UNKNOWN, f"prefix {before}", f"{facing.master} with `{before}` before it", 0.7)
    elif right.startswith(left):
        yield Hint(
            Cause.UNKNOWN, f"suffix {right[len(left) :]}", f"{facing.master} with `{right[len(left) :]}` after it", 0.71
        )
    elif re.sub(r"[\W_]+", "", left) == re.sub(r"[\W_]+", "", right) != "":
        yield Hint(Cause.UNKNOWN, "signs", f"{facing.master} but for its punctuation", 0.75)


def as_cp1252(text: str) -> str:
    """Return what a reader who takes UTF-8 for cp1252 sees."""
    return "".join(map(_CP1252.__getitem__, text.encode(errors="replace")))


def as_latin_1(text: str) -> str:
    """Return what a reader who takes UTF-8 for Latin-1 sees."""
    return text.encode(errors="replace").decode("latin-1")


def folded(text: str) -> str:
    """Return the text without accents: `Muller` of `Müller`."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(each for each in apart if not unicodedata.combining(each)).replace("ß", "ss")


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
