"""The merchant's bank: writes the statement of an account on which gateways' payouts arrive, as CAMT.053 or as MT940.

CAMT.053 follows ISO 20022's message BankToCustomerStatement (camt.053.001.02,
https://www.iso20022.org/iso-20022-message-definitions), MT940 what SWIFT's Customer Statement Message is made of
(fields 20, 25, 28C, 60F, 61, 86, 62F). An account has one currency, and so has a statement.
"""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from textwrap import wrap

from assay.exponents import from_gateway_units
from assay.money import Money
from assay.records import Payout
from assay.roles import StatementForm

ACCOUNT = "FR7630006000011234567890189"
"""The example account of France's banks, which belongs to nobody."""
_CAMT = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"
_INFORMATION = 65
"""How long a line of an MT940's field 86 may be; six of them at most."""


_SENT = ("in_transit", "paid")
_TRANSFER = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One booking on the account: credits positive. `ref` is the bank's own, `end_to_end` the payer's."""

    ref: str
    end_to_end: str
    amount: Money
    booked_on: date
    text: str


def arrives_on(payout: Payout) -> date | None:
    """Return the day on which a payout is on the account; None for one that is not sent, failed or was called back.

    Some gateways say only when they sent it: a bank transfer then takes two days.
    """
    if payout.status not in _SENT:
        return None
    return payout.arrives_on or payout.created_at.date() + _TRANSFER


def booked(payouts: Iterable[Payout], until: date) -> list[Entry]:
    """Return how the bank books the payouts that have arrived by that day, oldest first."""
    entries = [
        Entry(
            ref=f"B{_digest(each.system, each.ref)}",
            end_to_end=each.ref,
            amount=from_gateway_units(each.amount.minor, each.system, each.amount.currency),
            booked_on=day,
            text=f"{each.system.upper()} PAYOUT {each.ref}",
        )
        for each in payouts
        if (day := arrives_on(each)) is not None and day <= until
    ]
    return sorted(entries, key=lambda entry: (entry.booked_on, entry.ref))


def statements(entries: Iterable[Entry], form: StatementForm) -> list[bytes]:
    """Return one statement for each currency, every one with a name of its own that follows from what is in it."""

    def currency(entry: Entry) -> str:
        return entry.amount.currency

    write = _FORMS[form]
    parts = groupby(sorted(entries, key=currency), key=currency)  # keeps the entries' order within a currency
    return [write(f"{name}{_digest(*(each.ref for each in part))}", part) for name, part in _listed(parts)]


def camt053(name: str, entries: Sequence[Entry]) -> bytes:
    """Return a statement as ISO 20022 XML; all entries are in one currency, the first says which."""
    opened, closed, currency = _span(entries)
    document = ET.Element("Document", xmlns=_CAMT)
    message = ET.SubElement(document, "BkToCstmrStmt")
    head = ET.SubElement(message, "GrpHdr")
    _add(head, {"MsgId": name, "CreDtTm": f"{closed.isoformat()}T20:00:00Z"})
    statement = ET.SubElement(message, "Stmt")
    _add(statement, {"Id": name, "ElctrncSeqNb": "1", "CreDtTm": f"{closed.isoformat()}T20:00:00Z"})
    account = ET.SubElement(statement, "Acct")
    _add(ET.SubElement(account, "Id"), {"IBAN": ACCOUNT})
    _add(account, {"Ccy": currency})
    _balance(statement, "OPBD", Money.zero(currency), opened)
    _balance(statement, "CLBD", _sum(entries), closed)
    for each in entries:
        _entry(statement, each)
    ET.indent(document)
    written: bytes = ET.tostring(document, encoding="utf-8", xml_declaration=True)
    return written


def mt940(name: str, entries: Sequence[Entry]) -> bytes:
    """Return a statement as SWIFT's text, amounts with a comma; all entries are in one currency."""
    opened, closed, currency = _span(entries)
    lines = [f":20:{name[:16]}", f":25:{ACCOUNT}", ":28C:1/1"]
    lines.append(f":60F:{_swift_balance(Money.zero(currency), opened)}")
    for each in entries:
        mark, day = "C" if each.amount.minor >= 0 else "D", each.booked_on
        lines.append(f":61:{day:%y%m%d%m%d}{mark}{_comma(each.amount)}NTRFNONREF//{each.ref[:16]}")
        lines.append(":86:" + "\r\n".join(wrap(each.text, _INFORMATION)[:6]))
    lines += [f":62F:{_swift_balance(_sum(entries), closed)}", "-", ""]
    return "\r\n".join(lines).encode("ascii")


_FORMS: Mapping[StatementForm, Callable[[str, Sequence[Entry]], bytes]] = {"camt.053": camt053, "mt940": mt940}


def _entry(statement: ET.Element, booked: Entry) -> None:
    entry = ET.SubElement(statement, "Ntry")
    _amount(entry, booked.amount)
    _add(entry, {"Sts": "BOOK"})
    for kind in ("BookgDt", "ValDt"):
        _add(ET.SubElement(entry, kind), {"Dt": booked.booked_on.isoformat()})
    _add(entry, {"AcctSvcrRef": booked.ref})
    domain = ET.SubElement(ET.SubElement(entry, "BkTxCd"), "Domn")
    _add(domain, {"Cd": "PMNT"})
    received = booked.amount.minor >= 0
    codes = {"Cd": "RCDT" if received else "ICDT", "SubFmlyCd": "ESCT"}
    _add(ET.SubElement(domain, "Fmly"), codes)
    details = ET.SubElement(ET.SubElement(entry, "NtryDtls"), "TxDtls")
    _add(ET.SubElement(details, "Refs"), {"EndToEndId": booked.end_to_end[:35]})
    _add(ET.SubElement(details, "RmtInf"), {"Ustrd": booked.text[:140]})


def _balance(statement: ET.Element, code: str, amount: Money, day: date) -> None:
    balance = ET.SubElement(statement, "Bal")
    _add(ET.SubElement(ET.SubElement(balance, "Tp"), "CdOrPrtry"), {"Cd": code})
    _amount(balance, amount)
    _add(ET.SubElement(balance, "Dt"), {"Dt": day.isoformat()})


def _amount(parent: ET.Element, amount: Money) -> None:
    """Add an amount as the message wants it: never signed, its direction beside it."""
    ET.SubElement(parent, "Amt", Ccy=amount.currency).text = f"{abs(amount.amount):f}"
    _add(parent, {"CdtDbtInd": "CRDT" if amount.minor >= 0 else "DBIT"})


def _add(parent: ET.Element, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        ET.SubElement(parent, name).text = text


def _swift_balance(amount: Money, day: date) -> str:
    return f"{'C' if amount.minor >= 0 else 'D'}{day:%y%m%d}{amount.currency}{_comma(amount)}"


def _comma(amount: Money) -> str:
    """Return an amount as SWIFT writes it: no sign, always a comma, nothing after it where there are no decimals."""
    text = f"{abs(amount.amount):f}".replace(".", ",")
    return text if "," in text else f"{text},"


def _span(entries: Sequence[Entry]) -> tuple[date, date, str]:
    days = [each.booked_on for each in entries]
    return min(days), max(days), entries[0].amount.currency


def _sum(entries: Sequence[Entry]) -> Money:
    return Money(sum(each.amount.minor for each in entries), entries[0].amount.currency)


def _listed(parts: Iterable[tuple[str, Iterable[Entry]]]) -> list[tuple[str, list[Entry]]]:
    return [(name, list(part)) for name, part in parts]


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:11].upper()
