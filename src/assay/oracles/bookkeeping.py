"""What O-M8 asks of ERP and bank: entries balance, say what the gateway says, and every payout is on a statement.

An ERP's line and a gateway's movement meet by what the shop wrote on the line: the movement's own reference, its
refund's, its payment's, its order's, or its payout's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from assay.events import Finding
from assay.exponents import gateway_exponent
from assay.money import EXPONENTS, Money
from assay.oracles.cause import NOT_CONVERTED, money_cause
from assay.oracles.charge import money_at
from assay.oracles.judge import failed
from assay.oracles.judging import Judging
from assay.records import BalanceEntry, JournalLine, MinorAmount, Order, Payout, Population, StatementLine

_AROUND = timedelta(days=5)
_AT_ORDERS_RATE = ("receivable", "revenue", "refund")
_COPIED = "not converted (none): the foreign amount was copied into the company's currency"
_COMMA = "exponent: the decimal comma was dropped, a hundred times too much"


@dataclass(frozen=True, slots=True)
class _Group:
    """Movements at gateways, and the lines of the ERP that bear their reference."""

    reference: str
    entries: tuple[BalanceEntry, ...]
    lines: tuple[JournalLine, ...]

    @property
    def gateway(self) -> str:
        return self.entries[0].system

    @property
    def erp(self) -> str:
        return self.lines[0].system

    @property
    def company(self) -> str:
        return self.lines[0].company.currency

    def of(self, *purposes: str) -> list[JournalLine]:
        """Return the lines of these purposes."""
        return [line for line in self.lines if line.purpose in purposes]


def balanced(population: Population, judging: Judging) -> Finding | None:
    """Hold the debits of each journal entry against its credits, per currency and in the company's."""
    entries: dict[tuple[str, str], list[JournalLine]] = defaultdict(list)
    for line in population.journal_lines:
        if line.posted_on >= population.since.date():
            entries[line.system, line.entry].append(line)
    for (system, ref), lines in entries.items():
        sums = [_sums(line.amount for line in lines), _sums(line.company for line in lines)]
        for place, held in zip(("", " in the company's currency"), sums, strict=True):
            for currency, minor in held.items():
                if minor:
                    debits = sum(_minors(line, place) for line in lines if _minors(line, place) > 0)
                    return failed(
                        system,
                        expected=f"credits of {Money(debits, currency)} in entry {ref}{place}, as its debits",
                        seen=str(Money(debits - minor, currency)),
                        cause="debits and credits differ",
                        at_risk=abs(Money(minor, currency)),
                    )
    return None


def _minors(line: JournalLine, place: str) -> int:
    return line.company.minor if place else line.amount.minor


def booked(population: Population, judging: Judging) -> Finding | None:
    """Hold what the ERP books of fee, clearing and bank against what the gateway says, per currency."""
    # A refund made at the gateway's console bears no order: its payment leads there.
    orders = {ref: order for order in population.orders for ref in (order.ref, order.number, *order.payment_refs)}
    for group in _groups(population):
        found = (
            _fee(group, population, judging)
            or _at_orders_rate(group, orders)
            or _clearing(group)
            or _in_company_currency(group)
            or _bank(group, population.payouts)
        )
        if found is not None:
            return found
    return None


def unbooked(population: Population, judging: Judging) -> Finding | None:
    """Look for movements that nobody booked, at gateways whose others are, where the profile says how late it may be.

    A payout is booked when the bank shows it: `stated` holds the two against each other.
    """
    if judging.ledger_limit is None or population.read_at is None:
        return None
    own = _own_names(population)
    written = {_key(line.reference) for line in population.journal_lines}
    books = {entry.system for entry in population.entries if _is_written(entry, written, own)}
    for entry in population.entries:
        if entry.kind == "payout" or entry.system not in books or not (entry.gross.minor or entry.fee.minor):
            continue
        late = population.since <= entry.created_at <= population.read_at - judging.ledger_limit
        if late and not _is_written(entry, written, own):
            return failed(
                entry.system,
                *dict.fromkeys(line.system for line in population.journal_lines),
                expected=f"a journal entry for {entry.ref}, {entry.kind} of {shown(entry.system, entry.net)}",
                seen=f"none, {(population.read_at - entry.created_at).days} days later",
                cause="the movement was never booked",
                at_risk=worth(entry.system, entry.net),
            )
    return None


def _is_written(entry: BalanceEntry, written: Set[str], own: Set[str]) -> bool:
    return any(name in written for name in _names(entry, own))


def stated(population: Population, judging: Judging) -> Finding | None:
    """Hold the bank's lines, as the shop read them, against the payouts that had arrived by the last of them."""
    lines = population.statement_lines
    last = {line.amount.currency: line.booked_on for line in sorted(lines, key=lambda each: each.booked_on)}
    claimed = {id(line) for payout in population.payouts for line in lines if _names_payout(line, payout)}
    for payout in population.payouts:
        if payout.created_at < population.since or payout.status in ("failed", "cancelled"):
            continue
        amount = money_at(payout.system, payout.amount.minor, payout.amount.currency)
        named = [line for line in lines if _names_payout(line, payout)]
        if amount is None:
            continue
        if named and (wrong := _differs(payout, amount, named)) is not None:
            return wrong
        alike = [line for line in lines if line.amount == amount and id(line) not in claimed and _is_near(line, payout)]
        if named:
            continue
        if alike:
            claimed.add(id(alike[0]))
        elif _has_arrived(payout, last.get(amount.currency), population, judging):
            return failed(
                payout.system,
                "bank",
                expected=f"{amount} on a statement, payout {payout.ref} of {payout.arrives_on}",
                seen="no line of it",
                cause="the payout never reached the bank, or its line was not read",
                at_risk=abs(amount),
            )
    return None


def _differs(payout: Payout, amount: Money, named: Sequence[StatementLine]) -> Finding | None:
    """Say how the lines that name a payout differ from it."""
    other = next((line.amount for line in named if line.amount.currency != amount.currency), None)
    seen = other or Money(sum(line.amount.minor for line in named), amount.currency)
    if seen == amount:
        return None
    if seen.currency != amount.currency:
        cause = "the line was read in another currency"
    elif seen.minor == 100 * amount.minor:
        cause = _COMMA
    elif len(named) > 1:
        cause = "the same payout was read more than once (double)"
    else:
        cause = money_cause(seen.amount, amount.amount, step=_step(amount.currency))
    return failed(
        payout.system,
        "bank",
        expected=f"{amount} on the statement, payout {payout.ref}",
        seen=str(seen),
        cause=cause,
        at_risk=abs(seen - amount) if seen.currency == amount.currency else abs(amount),
    )


def _names_payout(line: StatementLine, payout: Payout) -> bool:
    return payout.ref.casefold() in line.text.casefold()


def _is_near(line: StatementLine, payout: Payout) -> bool:
    return abs(line.booked_on - (payout.arrives_on or payout.created_at.date())) <= _AROUND


def _has_arrived(payout: Payout, last: date | None, population: Population, judging: Judging) -> bool:
    """Say whether the lines read reach past a payout's day, which is longer ago than a line may be late."""
    if judging.ledger_limit is None or population.read_at is None or payout.arrives_on is None or last is None:
        return False
    return payout.arrives_on <= last and population.read_at.date() - payout.arrives_on >= judging.ledger_limit


def _groups(population: Population) -> list[_Group]:
    """Bring movements and lines together by the first name of a movement that any line bears; the window's alone."""
    lines: dict[str, list[JournalLine]] = defaultdict(list)
    for line in population.journal_lines:
        if line.reference:
            lines[_key(line.reference)].append(line)
    own = _own_names(population)
    members: dict[str, list[BalanceEntry]] = defaultdict(list)
    for entry in population.entries:
        name = next((each for each in _names(entry, own) if each in lines), None)
        if name is not None:
            members[name].append(entry)
    return [
        _Group(name, tuple(entries), tuple(lines[name]))
        for name, entries in members.items()
        if any(entry.created_at >= population.since for entry in entries)
    ]


def _names(entry: BalanceEntry, own: Set[str]) -> list[str]:
    """Return what a line of the ERP may call a movement, the narrowest first; a payout is no other's name.

    Nor is what another movement is called by itself: at Adyen a charge bears its payment's reference, and a refund of
    that payment is not what the line of the charge means.
    """
    more = (entry.payout_ref,) if entry.kind == "payout" else (entry.refund_ref, entry.payment_ref, entry.order_ref)
    return [_key(entry.ref), *(_key(each) for each in more if each and _key(each) not in own)]


def _own_names(population: Population) -> set[str]:
    return {_key(entry.ref) for entry in population.entries}


def _key(name: str | None) -> str:
    return (name or "").casefold()


def _fee(group: _Group, population: Population, judging: Judging) -> Finding | None:
    """Hold the fee the ERP books against the gateway's, each currency for itself."""
    expected = _sums(money for entry in group.entries if (money := money_at(entry.system, *_charged(entry))))
    lines = group.of("fee")
    if not lines and (judging.ledger_limit is None or not any(minor > 0 for minor in expected.values())):
        return None
    seen = _sums(line.amount for line in lines)
    wrong = _first_difference(seen, expected)
    if wrong is None:
        return None
    if not lines and not _all_old(group, population, judging):
        return None
    strange = [currency for currency in seen if currency not in expected and seen[currency]]
    if not lines:
        cause = "the fee was not booked"
    elif strange and any(expected.values()):
        cause = f"the fee is booked in another currency, {strange[0]}: the currency of settlement was ignored"
    else:
        cause = _cause(seen, expected, wrong)
    return _booked_otherwise(group, "fee", seen, expected, wrong, cause)


def _charged(entry: BalanceEntry) -> tuple[int, str]:
    """Return what a movement costs: its fee, and all that is taken where it is a fee of the whole account."""
    whole = -entry.gross.minor if entry.kind == "fee" else 0
    return entry.fee.minor + whole, entry.fee.currency


def _all_old(group: _Group, population: Population, judging: Judging) -> bool:
    assert judging.ledger_limit is not None
    until = population.read_at
    return until is not None and all(until - entry.created_at >= judging.ledger_limit for entry in group.entries)


def _clearing(group: _Group) -> Finding | None:
    """Hold what stands on the account of money at the gateway against gross, less the fee where that is booked there.

    An ERP books a movement in the customer's currency or in that of settlement; either is right where it is whole.
    """
    lines = [line for line in group.of("clearing") if line.amount.minor]
    if not lines or group.entries[0].kind == "payout":
        return None
    seen = _sums(line.amount for line in lines)
    less = group.of("fee")
    presented = _moved(group.entries, presented=True, less_fee=bool(less))
    settled = _moved(group.entries, presented=False, less_fee=bool(less))
    if presented is None or settled is None or _first_difference(seen, presented) is None:
        return None
    wrong = _first_difference(seen, settled)
    if wrong is None:
        return None
    cause = _rate_cause(group, seen, settled, wrong)
    return _booked_otherwise(group, "clearing", seen, settled, wrong, cause)


def _in_company_currency(group: _Group) -> Finding | None:
    """Hold the clearing account in the company's currency against what was settled, where that is the same currency."""
    lines = group.of("clearing")
    if not lines or group.entries[0].kind == "payout":
        return None
    settled = _moved(group.entries, presented=False, less_fee=bool(group.of("fee")))
    if settled is None or set(settled) != {group.company}:
        return None
    seen = _sums(line.company for line in lines)
    wrong = _first_difference(seen, settled)
    if wrong is None:
        return None
    cause = _rate_cause(group, seen, settled, wrong)
    return _booked_otherwise(group, "clearing", seen, settled, wrong, cause)


def _rate_cause(group: _Group, seen: Mapping[str, int], expected: Mapping[str, int], currency: str) -> str:
    """Say why converted money differs: its number copied, a rate of one's own, or one of the known patterns."""
    converted = [entry for entry in group.entries if entry.presented is not None]
    foreign = [line for line in group.of("clearing") if line.amount.currency != line.company.currency]
    if any(line.amount.minor and line.amount.amount == line.company.amount for line in foreign):
        return _COPIED
    ratio = Decimal(seen.get(currency, 0)) / expected[currency] if expected.get(currency) else Decimal(0)
    if converted and Decimal("0.5") < ratio < 2:
        return "booked at a rate of one's own instead of the gateway's: converted a second time (double)"
    return _cause(seen, expected, currency)


def _at_orders_rate(group: _Group, orders: Mapping[str, Order]) -> Finding | None:
    """Hold what is booked of the order itself in the company's currency against the order's own rate."""
    named = [name for entry in group.entries for name in (entry.order_ref, entry.payment_ref) if name]
    order = next((orders[name] for name in named if name in orders), None)
    if order is None or order.rate is None or not order.rate.value or order.rate.base != group.company:
        return None
    for line in group.of(*_AT_ORDERS_RATE):
        if line.amount.currency != order.rate.quote or line.amount.currency == line.company.currency:
            continue
        expected = line.amount.amount / order.rate.value
        step = _step(group.company)
        if abs(line.company.amount - expected) > step:
            copied = line.amount.amount == line.company.amount
            cause = money_cause(line.company.amount, expected, step=step, rate=1 / order.rate.value)
            whole = Money(round(expected.scaleb(EXPONENTS[group.company])), group.company)
            return failed(
                group.gateway,
                group.erp,
                expected=f"{line.amount} of {order.number} booked as {whole}, at the order's rate {order.rate.value:f}",
                seen=f"{line.company} in entry {line.entry}",
                cause=_COPIED if copied else cause.replace(NOT_CONVERTED, _COPIED),
                at_risk=abs(line.company - whole),
            )
    return None


def _bank(group: _Group, payouts: Iterable[Payout]) -> Finding | None:
    """Hold what is booked as received at the bank, and as taken off clearing, against the payout."""
    refs = {(entry.system, entry.payout_ref or entry.ref) for entry in group.entries if entry.kind == "payout"}
    named = [payout for payout in payouts if (payout.system, payout.ref) in refs]
    amounts = [money_at(payout.system, *_pair(payout.amount)) for payout in named]
    if not named or None in amounts:
        return None
    expected = _sums(amount for amount in amounts if amount)
    for purpose, sign in (("bank", 1), ("clearing", -1)):
        lines = group.of(purpose)
        seen = {currency: sign * minor for currency, minor in _sums(line.amount for line in lines).items()}
        if lines and (wrong := _first_difference(seen, expected)) is not None:
            cause = _COMMA if seen.get(wrong) == 100 * expected.get(wrong, 0) else _cause(seen, expected, wrong)
            return _booked_otherwise(group, purpose, seen, expected, wrong, cause)
    return None


def _booked_otherwise(
    group: _Group, what: str, seen: Mapping[str, int], expected: Mapping[str, int], currency: str, cause: str
) -> Finding:
    off = Money(abs(seen.get(currency, 0) - expected.get(currency, 0)), currency)
    return failed(
        group.gateway,
        group.erp,
        expected=f"{what} {_written(expected)} booked for {group.reference}, as {group.gateway} says",
        seen=f"{_written(seen)} in entry {group.lines[0].entry}",
        cause=cause,
        at_risk=off if off.minor else None,
    )


def _cause(seen: Mapping[str, int], expected: Mapping[str, int], currency: str) -> str:
    step = _step(currency)
    return money_cause(seen.get(currency, 0) * step, expected.get(currency, 0) * step, step=step)


def _moved(entries: Iterable[BalanceEntry], *, presented: bool, less_fee: bool) -> dict[str, int] | None:
    """Sum movements by currency, as the customer paid or as they were settled; None where one has no ISO amount."""
    amounts: list[Money | None] = []
    for entry in entries:
        amounts.append(money_at(entry.system, *_pair((entry.presented if presented else None) or entry.gross)))
        if less_fee:
            fee = money_at(entry.system, *_pair(entry.fee))
            amounts.append(fee and -fee)
    return None if None in amounts else _sums(amount for amount in amounts if amount)


def _sums(amounts: Iterable[Money]) -> dict[str, int]:
    held: dict[str, int] = defaultdict(int)
    for amount in amounts:
        held[amount.currency] += amount.minor
    return dict(held)


def _first_difference(seen: Mapping[str, int], expected: Mapping[str, int]) -> str | None:
    """Return a currency in which two sums differ, one that was expected first."""
    return next((each for each in (*expected, *seen) if seen.get(each, 0) != expected.get(each, 0)), None)


def _pair(amount: MinorAmount) -> tuple[int, str]:
    return amount.minor, amount.currency


def _written(sums: Mapping[str, int]) -> str:
    return ", ".join(str(Money(minor, currency)) for currency, minor in sums.items() if minor) or "nothing"


def why(system: str, seen: Decimal, expected: Decimal, currency: str) -> str:
    """Say why two sums in a gateway's minor units differ."""
    step = Decimal(1).scaleb(-gateway_exponent(system, currency))
    return money_cause(seen * step, expected * step, step=step)


def _step(currency: str) -> Decimal:
    return Decimal(1).scaleb(-EXPONENTS[currency])


def worth(system: str, amount: MinorAmount) -> Money | None:
    """Return what a gateway's amount is worth, without its sign; None where ISO 4217 has no such amount."""
    money = money_at(system, *_pair(amount))
    return None if money is None else abs(money)


def shown(system: str, amount: MinorAmount) -> str:
    """Write a gateway's amount as people do; by its minor units where ISO 4217 has no such amount."""
    money = money_at(system, *_pair(amount))
    return str(money) if money is not None else f"{amount.minor} minor units of {amount.currency}"
