"""The way of a parcel: which scans it gets and when, decided once when its label is made, read off the clock after.

Codes are UPS's: a type (M manifest, I on the way, D delivered, X exception, MV void), a two-letter activity code, and
the three-digit status code that `currentStatus` shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from assay.simkit import from_us, to_us
from mocks.ups.refusal import Json

TRANSIT_HOURS = 48

# Share of the transit time in thousandths, type, activity code, status code, text, end of the way it happens at.
_STEPS = (
    (0, "M", "MP", "003", "Shipper created a label, UPS has not received the package yet.", "origin"),
    (125, "I", "OR", "005", "Origin Scan", "origin"),
    (210, "I", "DP", "005", "Departed from Facility", "origin"),
    (625, "I", "AR", "005", "Arrived at Facility", "destination"),
    (835, "I", "OT", "021", "Out For Delivery Today", "destination"),
    (1_000, "D", "FS", "011", "Delivered", "destination"),
)
_SIMPLE = {
    "003": "Label Created",
    "005": "On the Way",
    "007": "Shipment Canceled",
    "011": "Delivered",
    "021": "Out for Delivery",
}


@dataclass(frozen=True, slots=True)
class Scan:
    """One event of a parcel's way."""

    at: datetime
    type: str
    code: str
    status_code: str
    description: str
    place: str

    @property
    def simple(self) -> str:
        """The status in a word or two for people who know no carriers."""
        return _SIMPLE.get(self.status_code, "Exception" if self.type == "X" else "On the Way")


def scheduled(settings: Mapping[str, Any], made: datetime) -> datetime:
    """Return when a parcel labelled at that instant is to be delivered."""
    return made + timedelta(hours=settings.get("transit_hours", TRANSIT_HOURS))


def planned(settings: Mapping[str, Any], made: datetime) -> list[list[Any]]:
    """Return the scans of a label made at that instant, as JSON rows in order of time.

    Settings: `transit_hours` from label to delivery (48); `extra_scans`, further ones of each parcel made while it is
    set: ``[{"after_hours": 20, "type": "X", "code": "DY", "status_code": "013", "description": "…"}]``;
    `stops_after`, the activity code of the last scan ever made (a lost parcel).
    """
    transit = scheduled(settings, made) - made
    rows: list[list[Any]] = [[to_us(made + transit * share / 1_000), *rest] for share, *rest in _STEPS]
    for extra in settings.get("extra_scans", ()):
        at = to_us(made + timedelta(hours=extra["after_hours"]))
        code, status_code = extra.get("code", ""), extra.get("status_code", "")
        rows.append([at, extra.get("type", "X"), code, status_code, extra.get("description", ""), "destination"])
    rows.sort(key=lambda row: row[0])
    last = settings.get("stops_after")
    codes = [row[2] for row in rows]
    return rows[: codes.index(last) + 1] if last in codes else rows


def scans(parcel: Json) -> list[Scan]:
    """Return all scans of a parcel in order, those to come included; a void ends the way."""
    found = [Scan(from_us(at), *rest) for at, *rest in parcel["steps"]]
    voided = parcel["voided_us"]
    if voided is None:
        return found
    instant = from_us(voided)
    cancel = Scan(instant, "MV", "VP", "007", "Shipment Information Voided", "origin")
    return [*(scan for scan in found if scan.at <= instant), cancel]


def past(parcel: Json, now: datetime) -> list[Scan]:
    """Return the scans a parcel has had by now, oldest first."""
    return [scan for scan in scans(parcel) if scan.at <= now]


def is_picked_up(parcel: Json, now: datetime) -> bool:
    """Say whether UPS has the parcel, after which nothing can be voided."""
    return any(scan.type not in ("M", "MV") for scan in past(parcel, now))
