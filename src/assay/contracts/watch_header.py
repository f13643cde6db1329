"""What a vendor announces in headers of its answers: deprecation, the day an API ends, the version that answers.

RFC 9745 (Deprecation: a structured date, `@1688169599`), RFC 8594 (Sunset: an HTTP date), and vendors' own headers. A
date is trusted only where it can be read, is possible, and the answer's own clock agrees with ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from assay.masking import mask_personal

DEPRECATION, SUNSET = "deprecation", "sunset"
VERSIONS = frozenset(
    {
        "stripe-version", "x-shopify-api-version", "facebook-api-version", "api-version", "x-api-version",
        "x-ms-api-version", "klaviyo-revision", "revision", "square-version", "x-ebay-api-version", "odata-version",
        "dataserviceversion", "x-wm-api-version", "x-paypal-api-version",
    }
)  # fmt: skip
"""Headers in which a vendor says which version of its API answered."""
_OWN = (
    "x-shopify-api-deprecated-reason", "x-api-warn", "x-api-deprecated", "x-api-deprecation-date", "x-deprecated",
    "x-deprecation-notice", "x-sunset", "api-deprecated-versions", "x-api-sunset-date",
)  # fmt: skip
"""Headers of vendors' own in which the call itself is said to be deprecated."""
_SKEW = timedelta(hours=1)
_EARLIEST, _FURTHEST = datetime(2010, 1, 1, tzinfo=UTC), timedelta(days=20 * 366)
_WARNED = re.compile(r"^\s*299\s.*deprecat|^\s*299\s.*sunset", re.IGNORECASE)
_LONGEST = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One announcement. value: as it was said, masked. date: None where none can be trusted; doubt: why not."""

    kind: str  # DEPRECATION or SUNSET
    header: str
    value: str
    date: datetime | None = None
    doubt: str = ""


def notices_in(headers: Mapping[str, str], at: datetime) -> list[Notice]:
    """Return what an answer announces. headers: by name in any case. at: when it came, by our clock."""
    said = {name.lower(): value.strip() for name, value in headers.items()}
    skew = _skew(said, at)
    found = []
    for kind in (DEPRECATION, SUNSET):
        value = said.get(kind, "")
        if value and value.lower() not in ("false", "?0"):
            found.append(_dated(kind, kind, value, skew, at))
    found = [_in_order(each, found) for each in found]
    for header in _OWN:
        value = said.get(header, "")
        if value and value.lower() not in ("false", "0", "none") and _is_meant(header, value, said):
            kind = SUNSET if "sunset" in header else DEPRECATION
            is_date = _read(value) is not None
            notice = _dated(kind, header, value, skew, at) if is_date else _undated(kind, header, value)
            found.append(notice)
    if _WARNED.search(said.get("warning", "")):
        found.append(_undated(DEPRECATION, "warning", said["warning"]))
    return found


def versions_in(headers: Mapping[str, str]) -> dict[str, str]:
    """Return which version of its API a vendor says has answered, by header."""
    return {
        name.lower(): value.strip() for name, value in headers.items() if name.lower() in VERSIONS and value.strip()
    }


def _undated(kind: str, header: str, value: str, doubt: str = "") -> Notice:
    return Notice(kind=kind, header=header, value=mask_personal(value)[:_LONGEST], doubt=doubt)


def _dated(kind: str, header: str, value: str, skew: timedelta | None, at: datetime) -> Notice:
    if header == DEPRECATION and value.lower() in ("true", "?1"):
        return _undated(kind, header, value)  # as drafts of RFC 9745 had it: deprecated, without a day
    date = _read(value)
    if date is None:
        return _undated(kind, header, value, "no date that can be read")
    if not _EARLIEST <= date <= at + _FURTHEST:
        return _undated(kind, header, value, f"no day an API ends: {date:%Y-%m-%d}")
    if skew is not None and abs(skew) > _SKEW:
        side = "ahead of" if skew > timedelta(0) else "behind"
        hours = round(abs(skew).total_seconds() / 3600, 1)
        return _undated(kind, header, value, f"the clock of who answers is {hours:g} h {side} ours")
    return Notice(kind=kind, header=header, value=value[:_LONGEST], date=date)


def _in_order(notice: Notice, found: list[Notice]) -> Notice:
    """Doubt a Sunset that is earlier than its Deprecation: RFC 9745 section 4 has it the other way round."""
    began = next((each.date for each in found if each.kind == DEPRECATION), None)
    if notice.kind != SUNSET or notice.date is None or began is None or notice.date >= began:
        return notice
    return _undated(notice.kind, notice.header, notice.value, f"earlier than its deprecation of {began:%Y-%m-%d}")


def _read(value: str) -> datetime | None:
    """Read `@seconds`, an HTTP date or an ISO date."""
    try:
        if value.startswith("@"):
            return datetime.fromtimestamp(int(value[1:].partition(";")[0]), UTC)
        is_iso = re.match(r"\d{4}-\d\d-\d\d", value)
        date = datetime.fromisoformat(value) if is_iso else parsedate_to_datetime(value)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _skew(said: Mapping[str, str], at: datetime) -> timedelta | None:
    """Return by how much the clock of who answered is ahead of ours; None where it says no time."""
    told, age = _read(said.get("date", "")), said.get("age", "")
    if told is None:
        return None
    return told + timedelta(seconds=int(age[:9]) if age.isdecimal() else 0) - at


def _is_meant(header: str, value: str, said: Mapping[str, str]) -> bool:
    """Whether a list of deprecated versions names the one that answered; of other headers always."""
    if header != "api-deprecated-versions":
        return True
    used = set(versions_in(said).values())
    return bool(used & {each.strip() for each in value.split(",")})
