"""The payment accounting report: a file a day with every change of every payment, in major units and local time.

Follows https://docs.adyen.com/reporting/invoice-reconciliation/payment-accounting-report.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import NoReturn
from zoneinfo import ZoneInfo

from assay.connectors.adyen.moves import Move
from assay.errors import InfrastructureError, UsageError
from assay.money import exponent
from assay.records import MinorAmount

_DECIMALS = {"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2}
# Record types of the report that change what is held of a payment, in our words, and where their amount stands.
_RECORDS = {
    "Received": ("received", "received (pc)"),
    "Authorised": ("authorised", "authorised (pc)"),
    "Refused": ("refused", "received (pc)"),
    "Error": ("refused", "received (pc)"),
    "Cancelled": ("voided", "authorised (pc)"),
    "Expired": ("voided", "authorised (pc)"),
    "SentForSettle": ("captured", "captured (pc)"),
    "CaptureFailed": ("capture failed", "captured (pc)"),
    "SentForRefund": ("refund sent", "captured (pc)"),
    "Refunded": ("refunded", "captured (pc)"),
    "RefundFailed": ("refund failed", "captured (pc)"),
    "RefundedReversed": ("refund failed", "captured (pc)"),
}
_WHOLE = ("received", "authorised", "refused", "voided")  # what happens to a payment as a whole, once
_COLUMNS = (
    "merchant account", "psp reference", "merchant reference", "record type", "booking date", "timezone",
    "payment currency",
)  # fmt: skip


def decode_report(content: bytes, *, account: str, zone: ZoneInfo, name: str) -> Iterator[Move]:
    """Turn a payment accounting report (CSV) into the changes it books; `InfrastructureError` says line and column.

    Lines of another merchant account, and record types that change nothing of what is held, are passed over.
    """
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig", "replace")), restval="")
    reader.fieldnames = [each.strip().lower().replace("authorized", "authorised") for each in reader.fieldnames or ()]
    missing = [column for column in _COLUMNS if column not in reader.fieldnames]
    if missing:
        unreadable(name, 1, expected=f"a column '{missing[0]}'", seen=", ".join(reader.fieldnames)[:120] or "nothing")
    for row in rows_of(reader, name):
        known = _RECORDS.get(row["record type"])
        if known is None or row["merchant account"] != account:
            continue
        kind, column = known
        own = row.get("modification psp reference", "")
        yield Move(
            payment_ref=row["psp reference"],
            kind=kind,
            word=row["record type"],
            ref=own if kind not in _WHOLE else row["psp reference"],
            amount=_amount(row, column, name, reader.line_num),
            at=booked_at(row, "booking date", zone, name, reader.line_num),
            order_ref=row["merchant reference"] or None,
        )


def rows_of(reader: csv.DictReader[str], name: str) -> Iterator[dict[str, str]]:
    """Walk the lines of a report; what is no CSV is refused with its line."""
    try:
        yield from reader
    except csv.Error as error:
        unreadable(name, reader.line_num, expected="CSV", seen=str(error))


def _amount(row: Mapping[str, str], column: str, name: str, line: int) -> MinorAmount:
    currency = row["payment currency"]
    text = row.get(column) or (row.get("main amount") if row.get("main currency") == currency else None) or ""
    return MinorAmount(abs(minor_units(text, currency, column, name, line)), currency)


def minor_units(text: str, currency: str, column: str, name: str, line: int) -> int:
    """Return an amount of a report in Adyen's minor units; one that does not fit is refused, never rounded."""
    try:
        minor = Decimal(text).scaleb(_DECIMALS.get(currency, exponent(currency)))
    except (InvalidOperation, UsageError):
        minor = Decimal("NaN")
    if not minor.is_finite() or minor != minor.to_integral_value():
        unreadable(name, line, expected=f"an amount of {currency} in '{column}'", seen=repr(text))
    return int(minor)


def booked_at(row: Mapping[str, str], column: str, zone: ZoneInfo, name: str, line: int) -> datetime:
    """Read a local time with its zone's abbreviation, which also tells the two hours of a change of clocks apart."""
    try:
        local = datetime.strptime(row[column], "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone)
    except ValueError:
        unreadable(name, line, expected=f"a {column} such as 2026-03-01 19:58:55", seen=row[column])
    for reading in (local, local.replace(fold=1)):
        if reading.tzname() == row["timezone"]:
            return reading.astimezone(UTC)
    return unreadable(
        name,
        line,
        expected=f"{local.tzname()}, the time zone of {zone.key}",
        seen=row["timezone"],
        hint="set the credential time_zone to the account's zone, such as Europe/Paris",
    )


def unreadable(name: str, line: int, *, expected: str, seen: str, hint: str | None = None) -> NoReturn:
    """Raise for what a report does not hold as it is documented, with file and line."""
    raise InfrastructureError(
        "a report of adyen is not of the shape we read", where=f"{name}:{line}", expected=expected, seen=seen, hint=hint
    )
