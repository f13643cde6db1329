"""What may be kept of an exchange: secrets, card numbers and card checks are replaced before anything is recorded.

Separate from the HTTP client because reports, logs and stored journals mask by the same rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MASK = "***"

_SECRET_WORDS = (
    "password", "passwd", "secret", "token", "api_key", "apikey", "api-key", "cvc", "cvv", "cvn", "cvx",
    "security_code", "securitycode", "card_number", "cardnumber", "private_key", "privatekey", "encryptedcard",
    "encryptedsecurity", "sharedsecret", "authorization", "card[number]", "card%5bnumber%5d",
)  # fmt: skip
# Names that hold such a word and are no secret: OAuth says what kind of token it gave, a gateway how a check went.
_HARMLESS = re.compile(r"token_type|token_?expir|tokens?_?(?:in|count)$|_check$|token_endpoint", re.IGNORECASE)
# What follows such a word where it is part of a name: the rest of the name, then the value to replace.
_VALUES = (
    re.compile(r'(?P<name>[^"\\]{0,60})"\s*:\s*(?P<value>"(?:[^"\\]|\\.)+"|-?\d[\d.eE+-]*)'),  # JSON
    re.compile(r"(?P<name>[\w.%\]-]{0,60})=(?P<value>[^&\s\"'<>]+)"),  # form or query
    re.compile(r"(?P<name>[\w.-]{0,60})(?:\s[^<>]*)?>(?P<value>[^<]+)</"),  # XML
    re.compile(r"(?P<name>[\w-]{0,60}):\s*(?:Bearer|Basic|Digest|OAuth)\s+(?P<value>\S+)", re.IGNORECASE),  # a header
)
_NAME_BEFORE = re.compile(r"[\w.%\[\]-]{0,60}$")
_SECRET_HEADER = re.compile(
    r"authorization|cookie|token|secret|api-?key|access-?key|subscription-?key|password", re.IGNORECASE
)
_SCHEME = re.compile(r"(Bearer|Basic|Digest|OAuth|SharedSecret)\s", re.IGNORECASE)
# A run of digits with the separators people type, as they are or percent-encoded; after `%3D` a digit run begins anew.
# OData's /Date(1700000000000)/ is an instant, no card.
_SEPARATOR = re.compile(r"[ +-]|%20")
_DIGITS = re.compile(  # begins with a set of characters, so that the search skips to digits
    r"[0-9](?:(?<![0-9A-Za-z.][0-9])|(?<=%[0-9A-Fa-f]{2}[0-9]))(?<!Date\([0-9])"
    r"(?:(?:[ +-]|%20)?[0-9]){12,}(?![0-9A-Za-z])"
)
_MAIL = re.compile(r"([\w.+-])[\w.+-]*@([\w-]+(?:\.[\w-]+)+)")
_PHONE = re.compile(r"\+\d[\d ()/-]{7,18}\d")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE)
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def mask_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with credentials replaced; an authentication scheme's name stays readable."""
    masked = {}
    for name, value in headers.items():
        if _SECRET_HEADER.search(name):
            scheme = _SCHEME.match(value)
            value = f"{scheme[1]} {MASK}" if scheme else MASK
        masked[name] = value
    return masked


def mask_body(body: bytes | str, content_type: str = "") -> str:
    """Return the body as text with secrets, card checks and card numbers replaced.

    JSON members, form fields and XML elements are masked by their names; any Luhn-valid run of 13 to 19 digits keeps
    its first six and last four. A body that is no text becomes a note of its size.
    """
    if isinstance(body, bytes):
        if content_type.startswith(("image/", "application/pdf", "application/octet-stream")):
            return f"<{len(body)} bytes of {content_type}>"
        try:
            body = body.decode()
        except UnicodeDecodeError:
            return f"<{len(body)} bytes, no UTF-8 text>"
    return mask_text(body)


def mask_url(url: str) -> str:
    """Return the URL with secret parameters and card numbers replaced, and without a user or password."""
    head, separator, rest = url.partition("://")
    if separator:
        authority, slash, path = rest.partition("/")
        url = f"{head}://{authority.rpartition('@')[2]}{slash}{path}"
    return mask_text(url)


def mask_text(text: str) -> str:
    """Return any text with secrets and card numbers replaced."""
    # Found word by word with `str.find`: one expression over all words costs ten times the request it describes.
    folded = text.lower()
    if len(folded) != len(text):  # some letters fold to two
        folded = "".join(character.lower() if character.isascii() else character for character in text)
    spans: dict[int, int] = {}
    for word in _SECRET_WORDS:
        at = folded.find(word)
        while at >= 0:
            end = at + len(word)
            span = _secret_value(text, at, end)
            if span:
                spans[span[0]] = span[1]
            at = folded.find(word, end)
    kept: list[str] = []
    done = 0
    for start, end in sorted(spans.items()):
        if start < done:  # inside a value that is masked as a whole
            continue
        # A number in JSON has no quotes, and its mask needs them.
        quoted = text[start] == '"' or text.endswith((":", ": "), 0, start)
        kept += (text[done:start], f'"{MASK}"' if quoted else MASK)
        done = end
    text = "".join((*kept, text[done:]))
    return _DIGITS.sub(_mask_card, text)


def mask_personal(text: str) -> str:
    """Return a text that many may read, an alert or a page: without secrets, mail addresses and telephone numbers."""
    text = _BEARER.sub(rf"\1 {MASK}", mask_text(text))
    return _PHONE.sub(f"+{MASK}", _MAIL.sub(rf"\1{MASK}@\2", text))


def _secret_value(text: str, at: int, end: int) -> tuple[int, int] | None:
    """Return where the value of the name around this word starts and ends; None when the word names nothing."""
    for pattern in _VALUES:
        match = pattern.match(text, end)
        if match:
            before = _NAME_BEFORE.search(text, max(0, at - 60), at)
            name = f"{before[0] if before else ''}{text[at:end]}{match['name']}"
            return None if _HARMLESS.search(name) else match.span("value")
    return None


def _mask_card(match: re.Match[str]) -> str:
    """Mask each card number in a run of digits; what stands before or after it in the run may be another number."""
    run = match[0]
    groups = _SEPARATOR.split(run)
    if len(groups) == 1:
        return _masked(run) if _is_card(run) else run
    spans = [
        (first, last)
        for first in range(len(groups))
        for last in range(first + 1, len(groups) + 1)
        if _is_card("".join(groups[first:last]))
    ]
    if not spans:
        return run
    if len(spans) > 1:  # which of them is the card cannot be told: none of it is kept
        return MASK
    first, last = spans[0]
    return " ".join((*groups[:first], _masked("".join(groups[first:last])), *groups[last:]))


def _masked(number: str) -> str:
    return f"{number[:6]}{'*' * (len(number) - 10)}{number[-4:]}"


def _is_card(number: str) -> bool:
    if not 13 <= len(number) <= 19:
        return False
    digits = [int(character) for character in number]
    return (sum(digits[-1::-2]) + sum(_DOUBLED[digit] for digit in digits[-2::-2])) % 10 == 0
