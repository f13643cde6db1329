"""O-K2: the address on the label is the customer's, every part of it; what is too long fails visibly.

Apart from the other delivery oracles because it is about text: transliteration and abbreviations are no loss.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from assay.events import Finding
from assay.oracles.judge import failed, oracle, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import Address, Dossier, LabelRequest, Order

# How letters are spelled that have no decomposition; several spellings are right for the umlauts.
_SPELLED = {
    "ß": ("ss",), "æ": ("ae",), "œ": ("oe",), "ø": ("o", "oe"), "å": ("a", "aa"), "ä": ("a", "ae"), "ö": ("o", "oe"),
    "ü": ("u", "ue"), "ł": ("l",), "đ": ("d",), "ð": ("d",), "þ": ("th",), "ı": ("i",),
}  # fmt: skip
_SHORT = {
    "street": ("st", "str"), "strasse": ("str",), "avenue": ("av", "ave"), "boulevard": ("bd", "blvd"), "road": ("rd",),
    "place": ("pl",), "apartment": ("apt",), "suite": ("ste",), "saint": ("st",), "drive": ("dr",), "lane": ("ln",),
    "route": ("rte",), "north": ("n",), "south": ("s",), "east": ("e",), "west": ("w",),
}  # fmt: skip
_SPLIT = re.compile(r"[^\w]+")


@oracle(
    "O-K2", needs=("journal",), formula="every token of the address stands in the label, in order; no line too long"
)
def address_on_label(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold the address of each label that was asked for against the order's."""
    if order.address is None:
        return unjudged("the shop shows no address")
    if not dossier.labels:
        return unjudged("the journal holds no call that asked for a label")
    for label in dossier.labels:
        if (finding := _long_line(label, judging) or _lost(label, order.address, order)) is not None:
            return finding
    return passed()


def _long_line(label: LabelRequest, judging: Judging) -> Finding | None:
    limit = judging.line_limits.get(label.system)
    too_long = [line for line in label.receiver.lines if limit is not None and len(line) > limit]
    if not too_long:
        return None
    return failed(
        "shop",
        label.system,
        expected=f"address lines of at most {limit} characters",
        seen=f"{len(too_long[0])}: {too_long[0]!r}",
        cause="lines were joined without breaking them for the carrier",
    )


def _lost(label: LabelRequest, wanted: Address, order: Order) -> Finding | None:
    seen = label.receiver
    if (token := first_lost(wanted.lines, seen.lines)) is not None:
        return _missing(label, f"'{token}' of the address", " / ".join(seen.lines), "the line was cut off")
    if first_lost((wanted.city,), (seen.city,)) is not None:
        return _missing(label, f"city {wanted.city}", seen.city, "the city was lost")
    if _packed(wanted.postcode) != _packed(seen.postcode):
        return _missing(label, f"postcode {wanted.postcode}", seen.postcode, "the postcode was changed or lost")
    if wanted.country != seen.country:
        return _missing(label, f"country {wanted.country}", seen.country, "the country was changed")
    if wanted.region and _packed(wanted.region) != _packed(seen.region or ""):
        return _missing(label, f"region {wanted.region}", seen.region or "none", "state or province was left out")
    if order.tax_treatment == "export" and wanted.phone and _digits(wanted.phone) != _digits(seen.phone or ""):
        return _missing(label, "the phone number an export needs", "none or another", "the phone number was left out")
    return None


def _missing(label: LabelRequest, expected: str, seen: str, cause: str) -> Finding:
    return failed("shop", label.system, expected=f"{expected} on the label", seen=seen, cause=cause)


def first_lost(wanted: Iterable[str], seen: Iterable[str]) -> str | None:
    """Return the first word of the wanted texts that does not stand in the seen ones, in order; None where all do."""
    left = list(_tokens(seen))
    for token in _tokens(wanted):
        place = next((at for at, each in enumerate(left) if _is_same(token, each)), None)
        if place is None:
            return token
        del left[: place + 1]
    return None


def _tokens(texts: Iterable[str]) -> Sequence[str]:
    joined = unicodedata.normalize("NFC", " ".join(texts)).casefold()
    return [token for token in _SPLIT.split(joined) if token]


def _is_same(wanted: str, seen: str) -> bool:
    """Say whether two words are one: letter by letter, spelled without accents, or shortened as postmen do."""
    spellings = set(_spellings(wanted))
    if seen in spellings or not spellings.isdisjoint(_spellings(seen)):
        return True
    return any(seen in _SHORT.get(spelling, ()) for spelling in spellings)


def _spellings(word: str) -> list[str]:
    """Return a word and what it may be in plain letters; every letter is spelled in the same way throughout."""
    found = [word]
    for way in (0, 1):
        spelled = "".join(
            _SPELLED.get(letter, (letter,))[min(way, len(_SPELLED.get(letter, " ")) - 1)] for letter in word
        )
        plain = "".join(each for each in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(each))
        found.append(plain)
    return found


def _packed(text: str) -> str:
    return re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text)).casefold()


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)
