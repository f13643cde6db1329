"""Bank statements: read from ISO 20022's CAMT.053 or SWIFT's MT940, each line kept once under the bank's reference.

https://www.iso20022.org/iso-20022-message-definitions (camt.053.001) and SWIFT's fields 20, 60F, 61, 86 and 62F, as
banks describe them to their customers. A statement is taken as a whole or not at all: one that is malformed, ends too
early, does not add up, or is dated tomorrow is refused with the place and what was seen there.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from mocks.merchant.errors import Refusal
from mocks.merchant.policy.money import plain, quantum
from mocks.merchant.seams import seam
from mocks.merchant.shop import Shop

_NUMBER = re.compile(r"\d{1,15}(?:[.,]\d*)?")
_BALANCE = re.compile(r"([CD])(\d{6})([A-Z]{3})([\d,]+)")
_BOOKING = re.compile(r"(\d{6})(\d{4})?(RC|RD|C|D)[A-Z]?(\d[\d,]*)[A-Z][A-Z0-9]{3}([^/\n]*)(?://([^\n]+))?")
_SIGNS = {"C": 1, "D": -1, "RC": -1, "RD": 1}
_WIDTH = 65  # of a line of field 86: one that long goes on without a space


@dataclass(frozen=True, slots=True)
class Line:
    """One booking: `amount` is signed, credits positive."""

    ref: str
    currency: str
    amount: Decimal
    booked_on: str
    text: str


@seam("formatting and parsing")
def statement_amount(text: str) -> Decimal:
    """Return an amount as a bank writes it, with a point or a comma before its decimals and without a sign."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"'{text}' is no amount of a statement")
    return Decimal(text.replace(",", "."))


def import_statement(shop: Shop, content: bytes, form: str) -> tuple[int, int]:
    """Keep a statement's lines; return how many it holds and how many were new. Raises `Refusal` 422."""
    if form not in _FORMS:
        raise Refusal(422, "unknown_form", f"'{form}' is no form of a statement.", field="form", known=list(_FORMS))
    try:
        lines = _FORMS[form](content)
        for line in lines:
            _check(shop, line)
    except (ValueError, InvalidOperation) as error:
        raise Refusal(422, "bad_statement", f"This is no {form} statement: {error}.", form=form) from error
    added = 0
    with shop.database.write() as connection:
        for line in lines:
            known = connection.execute("SELECT * FROM statement_lines WHERE ref = ?", (line.ref,)).fetchone()
            if known is not None:
                _same(line, known["currency"], Decimal(known["amount"]), known["booked_on"], form)
                continue
            row = (
                line.ref,
                line.currency,
                plain(line.amount, line.currency),
                line.booked_on,
                line.text,
                shop.now_iso(),
            )
            connection.execute("INSERT INTO statement_lines VALUES (?, ?, ?, ?, ?, ?)", row)
            added += 1
    shop.log.write("statement", form=form, lines=len(lines), added=added)
    return len(lines), added


def statement_lines(shop: Shop, since: str, until: str) -> list[Line]:
    """Return the lines booked from the day of `since` to before `until`, oldest first."""
    rows = shop.database.all(
        "SELECT * FROM statement_lines WHERE booked_on >= ? AND booked_on || 'T00:00:00' < ? ORDER BY booked_on, ref",
        since[:10],
        until[:19],
    )
    return [Line(row["ref"], row["currency"], Decimal(row["amount"]), row["booked_on"], row["text"]) for row in rows]


def _same(line: Line, currency: str, amount: Decimal, booked_on: str, form: str) -> None:
    """Refuse a booking whose reference is known of another one: neither may be lost without a word."""
    if (line.currency, line.amount, line.booked_on) != (currency, amount, booked_on):
        told = f"{line.amount} {line.currency} on {line.booked_on}, was {amount} {currency} on {booked_on}"
        raise Refusal(422, "bad_statement", f"Line {line.ref} is known as another booking: {told}.", form=form)


def _check(shop: Shop, line: Line) -> None:
    if line.currency not in shop.settings["currencies"]:
        raise ValueError(f"line {line.ref}: nothing is sold in '{line.currency}'")
    if line.amount % quantum(line.currency):
        raise ValueError(f"line {line.ref}: {line.amount} has more decimals than {line.currency}")
    if line.booked_on > shop.now_iso()[:10]:
        raise ValueError(f"line {line.ref}: booked on {line.booked_on}, after today, {shop.now_iso()[:10]}")


def _read_camt(content: bytes) -> list[Line]:
    """Return the booked lines of a CAMT.053 of any version, whatever prefix its namespace has."""
    if b"<!DOCTYPE" in content.upper():
        raise ValueError("it declares a document type")
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - a document with entities of its own was refused above
    except ElementTree.ParseError as error:
        raise ValueError(f"no whole XML: {error}") from error
    if not re.fullmatch(r"\{urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.\d\d\}Document", root.tag):
        raise ValueError(f"the document is a {root.tag}")
    space = root.tag.removesuffix("Document")
    statements = root.findall(f"{space}BkToCstmrStmt/{space}Stmt")
    if not statements:
        raise ValueError("it holds no Stmt")
    return [line for statement in statements for line in _camt_lines(statement, space)]


def _camt_lines(statement: ElementTree.Element, space: str) -> list[Line]:
    def text(parent: ElementTree.Element, path: str) -> str:
        return (parent.findtext("/".join(space + step for step in path.split("/"))) or "").strip()

    name, lines = text(statement, "Id"), []
    for place, entry in enumerate(statement.iter(f"{space}Ntry"), 1):
        where = f"entry {place} of statement {name}"
        if (text(entry, "Sts/Cd") or text(entry, "Sts")) not in ("BOOK", ""):
            continue
        amount, direction = entry.find(f"{space}Amt"), text(entry, "CdtDbtInd")
        if amount is None or not amount.get("Ccy") or direction not in ("CRDT", "DBIT"):
            raise ValueError(f"{where}: expected Amt with Ccy and CdtDbtInd, seen '{direction}'")
        # A reversal (RvslInd) says by its direction which way the money went.
        sign = 1 if direction == "CRDT" else -1
        details = "NtryDtls/TxDtls"
        lines.append(
            Line(
                text(entry, "AcctSvcrRef") or text(entry, f"{details}/Refs/AcctSvcrRef") or f"{name}/{place}",
                amount.attrib["Ccy"],
                sign * statement_amount((amount.text or "").strip()),
                _day((text(entry, "BookgDt/Dt") or text(entry, "BookgDt/DtTm"))[:10], where),
                text(entry, f"{details}/RmtInf/Ustrd") or text(entry, "AddtlNtryInf"),
            )
        )
    balances = {balance.get("Ccy", "") for balance in statement.iterfind(f"{space}Bal/{space}Amt")}
    if len(currencies := balances | {line.currency for line in lines}) > 1:
        raise ValueError(f"statement {name}: one account has one currency, seen {', '.join(sorted(currencies))}")
    _adds_up(_camt_balance(statement, space, "OPBD"), lines, _camt_balance(statement, space, "CLBD"))
    return lines


def _camt_balance(statement: ElementTree.Element, space: str, code: str) -> Decimal | None:
    for balance in statement.iter(f"{space}Bal"):
        if balance.findtext(f"{space}Tp/{space}CdOrPrtry/{space}Cd") == code:
            sign = -1 if balance.findtext(f"{space}CdtDbtInd") == "DBIT" else 1
            return sign * statement_amount((balance.findtext(f"{space}Amt") or "").strip())
    return None


def _read_mt940(content: bytes) -> list[Line]:
    """Return the lines of every statement in an MT940 file."""
    try:
        text = content.decode("ascii").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is none of SWIFT's letters") from error
    fields = [(tag, value.rstrip("\n").removesuffix("\n-")) for tag, value in _fields(text)]
    if not fields or fields[0][0] != "20":
        raise ValueError("it does not begin with field 20")
    lines: list[Line] = []
    begun: list[tuple[str, str]] = []
    for tag, value in fields:
        if tag == "20" and begun:
            raise ValueError(f"statement {begun[0][1]} ends without its closing balance, field 62F")
        begun.append((tag, value))
        if tag in ("62F", "62M"):
            lines += _mt940_lines(begun)
            begun = []
        elif tag in ("64", "65", "86") and len(begun) == 1:
            begun = []  # available balances and remarks after the closing one
    if begun:
        raise ValueError(f"statement {begun[0][1]} ends without its closing balance, field 62F")
    return lines


def _fields(text: str) -> list[tuple[str, str]]:
    return re.findall(r"^:(\d\d[A-Z]?):(.*(?:\n(?!:\d\d[A-Z]?:|-$).*)*)", text, re.MULTILINE)


def _mt940_lines(fields: Sequence[tuple[str, str]]) -> list[Line]:
    name, told = fields[0][1], dict(fields)
    opened, closed = (_balance(told, number, name) for number in ("60", "62"))
    lines: list[Line] = []
    for place, (tag, value) in enumerate(fields):
        if tag != "61":
            continue
        found = _BOOKING.match(value)
        if found is None:
            raise ValueError(f"statement {name}: field 61 '{value[:40]}' is no booking")
        day, entered, mark, amount, own, ref = found.groups()
        following = fields[place + 1] if place + 1 < len(fields) else ("", "")
        lines.append(
            Line(
                (ref or (own if own != "NONREF" else "") or f"{name}/{len(lines) + 1}").strip(),
                opened[1],
                _SIGNS[mark] * statement_amount(amount),
                _booked(day, entered, f"statement {name}"),
                _joined(following[1]) if following[0] == "86" else "",
            )
        )
    if opened[1] != closed[1]:
        raise ValueError(f"statement {name}: opened in {opened[1]}, closed in {closed[1]}")
    _adds_up(opened[0], lines, closed[0])
    return lines


def _balance(told: Mapping[str, str], number: str, name: str) -> tuple[Decimal, str]:
    value = told.get(f"{number}F") or told.get(f"{number}M") or ""
    found = _BALANCE.fullmatch(value.strip())
    if found is None:
        raise ValueError(f"statement {name}: field {number}F '{value[:40]}' is no balance")
    mark, _, currency, amount = found.groups()
    return _SIGNS[mark] * statement_amount(amount), currency


def _booked(value_day: str, entered: str | None, where: str) -> str:
    """Return the day of booking: field 61 gives its month and day, and the year of the value date may be another."""
    value = _day(f"20{value_day[:2]}-{value_day[2:4]}-{value_day[4:]}", where)
    if not entered:
        return value
    year = int(value[:4]) + {("12", "01"): 1, ("01", "12"): -1}.get((value[5:7], entered[:2]), 0)
    return _day(f"{year}-{entered[:2]}-{entered[2:]}", where)


def _day(text: str, where: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(f"{where}: '{text}' is no day") from None


def _joined(information: str) -> str:
    lines = information.split("\n")
    return "".join(line if len(line) >= _WIDTH else f"{line} " for line in lines).strip()


def _adds_up(opened: Decimal | None, lines: Sequence[Line], closed: Decimal | None) -> None:
    if opened is None or closed is None:
        raise ValueError("it holds no opening and closing balance")
    moved = sum((line.amount for line in lines), Decimal(0))
    if opened + moved != closed:
        raise ValueError(f"it opens with {opened}, moves {moved} and closes with {closed}")


_FORMS: dict[str, Callable[[bytes], list[Line]]] = {"camt.053": _read_camt, "mt940": _read_mt940}
