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
_WORD = "|".join(re.escape(word) for word in _SECRET_WORDS)
# Names that hold such a word and are no secret: OAuth says what kind of token it gave, and when it dies.
_HARMLESS = re.compile(
    r"token_type|token_?expir|tokens?_?(?:in|count)$|_check\b|cvc_check|token_endpoint", re.IGNORECASE
)
_JSON_PAIR = re.compile(
    rf'"([^"\\]{{0,60}}?(?:{_WORD})[^"\\]{{0,60}})"(\s*:\s*)("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*)', re.IGNORECASE
)
_FORM_PAIR = re.compile(rf"(^|[&?\s])([\w.%\[\]-]{{0,80}}?(?:{_WORD})[\w.%\]-]{{0,60}})=([^&\s]+)", re.IGNORECASE)
_XML_PAIR = re.compile(
    rf"<((?:[\w-]+:)?[\w.-]{{0,60}}?(?:{_WORD})[\w.-]{{0,60}})((?:\s[^<>]*)?)>([^<]+)</", re.IGNORECASE
)
_SECRET_HEADER = re.compile(
    r"authorization|cookie|token|secret|api-?key|access-?key|subscription-?key|password", re.IGNORECASE
)
_SCHEME = re.compile(r"(Bearer|Basic|Digest|OAuth|SharedSecret)\s", re.IGNORECASE)
# A run of digits with the separators people type, as they are or percent-encoded; after `%3D` a digit run begins anew.
# OData's /Date(1700000000000)/ is an instant, no card.
_SEPARATOR = re.compile(r"[ +-]|%20")
_DIGITS = re.compile(r"(?:(?<![0-9A-Za-z.])|(?<=%[0-9A-Fa-f]{2}))(?<!Date\()\d(?:(?:[ +-]|%20)?\d){12,}(?![0-9A-Za-z])")
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
    folded = text.lower()
    if any(word in folded for word in _SECRET_WORDS):
        if '"' in text:
            text = _JSON_PAIR.sub(_mask_json, text)
        if "=" in text:
            text = _FORM_PAIR.sub(_mask_form, text)
        if "<" in text:
            text = _XML_PAIR.sub(_mask_xml, text)
    return _DIGITS.sub(_mask_card, text)


def _mask_json(match: re.Match[str]) -> str:
    name, colon, value = match.groups()
    if _HARMLESS.search(name) or value == '""':
        return match[0]
    return f'"{name}"{colon}"{MASK}"'


def _mask_form(match: re.Match[str]) -> str:
    before, name, _ = match.groups()
    return match[0] if _HARMLESS.search(name) else f"{before}{name}={MASK}"


def _mask_xml(match: re.Match[str]) -> str:
    name, attributes, _ = match.groups()
    return match[0] if _HARMLESS.search(name) else f"<{name}{attributes}>{MASK}</"


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
