"""What leads from a charge to the books: buying at every gateway, paying out, stating, seeing it booked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from assay.exponents import to_gateway_units
from assay.flow import Case, Run
from assay.money import Money
from assay.records import BalanceEntry, JournalLine, MinorAmount, Order, Payout
from assay.roles import (
    Erp,
    KeepsBooks,
    Purchase,
    ReadsStatements,
    RefundsInPart,
    RefundsOrders,
    Settles,
    ShopRefused,
    StatementForm,
    Storefront,
)
from scenarios.bank_statement import arrives_on, booked, statements
from scenarios.buying import ADYEN, PAYPAL, STRIPE, Gateways, gateway_of, paid_by, pay
from scenarios.cases import buys
from scenarios.f01_steps import fill_cart
from scenarios.f06_ways import third_of

Goods = tuple[str, str, str, str]
"""A gateway, a currency, an article, and where it goes."""
EVERYWHERE: tuple[Goods, ...] = (
    (STRIPE, "EUR", "A-102", "FR"),
    (STRIPE, "USD", "B-200", "US"),
    (STRIPE, "JPY", "B-202", "JP"),
    (STRIPE, "KWD", "D-403", "KW"),
    (ADYEN, "GBP", "E-501", "GB"),
    (PAYPAL, "EUR", "E-502", "FR"),
    (PAYPAL, "HUF", "F-605", "DE"),
)
GOODS: Mapping[str, tuple[Goods, ...]] = {"camt053": EVERYWHERE, "mt940": EVERYWHERE[:2], "fee": EVERYWHERE[1:2]}
"""What each case buys."""
_BOOKED = (STRIPE,)
_LATELY, _BEFORE = timedelta(days=10), timedelta(days=40)


def case(name: str, *, form: StatementForm | None = None) -> Case:
    """Return the case of that name; form: how its bank states, none where it ends before anything is paid out."""
    (_, currency, first, country), *rest = GOODS[name]
    others = tuple(sku for _, _, sku, _ in rest)
    return paid_by("F15", name, currency, (first, 1), to=country, parts=others, alone=True, notes={"form": form or ""})


@dataclass(frozen=True, slots=True)
class Settling:
    """Everybody who has to do with the money between a charge and the books."""

    run: Run
    shop: Storefront
    gateways: Gateways
    erp: Erp
    began: datetime

    def settling(self) -> Iterator[tuple[str, Settles]]:
        """Return the gateways that say what they settled, by name."""
        for name, gateway in self.gateways.items():
            if isinstance(gateway, Settles):
                yield name, gateway

    def entries(self, since: timedelta) -> list[BalanceEntry]:
        """Return what all gateways booked in that span up to now."""
        now = self.run.surroundings.now()
        return [entry for _, each in self.settling() for entry in each.balance_entries(now - since, now)]

    def payouts(self, since: timedelta) -> list[Payout]:
        """Return what all gateways paid out in that span up to now."""
        now = self.run.surroundings.now()
        return [payout for _, each in self.settling() for payout in each.payouts(now - since, now)]

    def journal(self, since: timedelta) -> Sequence[JournalLine]:
        """Return the ERP's journal of that span; `ShopRefused` where it cannot be read."""
        if not isinstance(self.erp, KeepsBooks):
            raise ShopRefused("the ERP's connector reads no journal (KeepsBooks)")
        now = self.run.surroundings.now()
        return self.erp.journal_lines(now - since, now)

    @property
    def bank(self) -> ReadsStatements:
        """The shop as the one that reads its bank's statements."""
        if not isinstance(self.shop, ReadsStatements):
            raise ShopRefused("the shop's connector reads no statements (ReadsStatements)")
        return self.shop


def read_what_was_settled(settling: Settling) -> None:
    """Read what gateways settled and paid out of late; each line and each payout must add up."""
    run, entries = settling.run, settling.entries(_BEFORE)
    for each in entries:
        one = len({each.gross.currency, each.fee.currency, each.net.currency}) == 1
        adds_up = each.net.minor == each.gross.minor - each.fee.minor
        run.check(one and adds_up, f"net is gross less fee in one currency: {each.system} {each.ref}")
    for payout in settling.payouts(_LATELY):
        parts = [each.net.minor for each in entries if each.payout_ref == payout.ref and each.kind != "payout"]
        text = f"{payout.system} {payout.ref} of {payout.amount.minor} is the sum of its parts, {sum(parts)}"
        run.check(not parts or sum(parts) == payout.amount.minor, text)


def buy_everywhere(settling: Settling) -> list[str]:
    """Buy at every gateway that is there, in each currency; return the orders' references."""
    run, shop, found = settling.run, settling.shop, []
    for gateway, currency, sku, country in GOODS[run.case.name]:
        if gateway not in settling.gateways:
            continue
        wanted = _purchase(run.case.purchase, currency, sku, country)
        cart = fill_cart(run, shop, wanted)
        with run.step(f"pay {currency} by {gateway}"):
            ref = pay(run, shop, settling.gateways, cart, gateway=gateway)
        run.carts.append((ref, wanted.lines))
        found.append(ref)
    return found


def give_some_back(settling: Settling, in_the_shop: str, at_the_console: str) -> None:
    """Give a third of one order back in the shop, and a third of another at its gateway's console."""
    shop = settling.shop
    if not isinstance(shop, RefundsOrders):
        raise ShopRefused("the shop's connector gives nothing back (RefundsOrders)")
    order = shop.order(in_the_shop)
    shop.refund_order(in_the_shop, amount=_third(order)[1], reason="goodwill: the box was dented")
    order = shop.order(at_the_console)
    name, amount = _third(order)
    gateway = gateway_of(settling.run, settling.gateways, name)
    if isinstance(gateway, RefundsInPart):
        [payment_ref] = [each.ref for each in order.tenders if each.ref]
        units = MinorAmount(to_gateway_units(amount, name), amount.currency)
        gateway.refund_part(payment_ref, units, f"console-{at_the_console}")


def is_paid_out(settling: Settling, refs: Sequence[str]) -> bool:
    """Say whether every payment of these orders, at a gateway that tells it, is in a payout that has arrived."""
    telling, today = dict(settling.settling()), settling.run.surroundings.now().date()
    there = [each for each in settling.payouts(_BEFORE) if (day := arrives_on(each)) and day < today]
    entries = [each for each in settling.entries(_BEFORE) if each.kind == "charge"]
    tenders = [tender for ref in refs for tender in settling.shop.order(ref).tenders if tender.gateway in telling]
    charges = [[each for each in entries if each.payment_ref == tender.ref] for tender in tenders]
    return all(own and all(_is_in(each, there) for each in own) for own in charges)


def _is_in(entry: BalanceEntry, payouts: Sequence[Payout]) -> bool:
    """Say whether an entry is in one of these payouts; where its gateway names none, whether there is a later one."""
    own = [each for each in payouts if each.system == entry.system]
    if entry.payout_ref is None:
        return any(each.created_at >= entry.created_at for each in own)
    return any(each.ref == entry.payout_ref for each in own)


def state(settling: Settling, form: StatementForm) -> list[Payout]:
    """Play the bank: state every payout of days that are over and that was not stated yet; return them.

    A statement of a day that still runs would be read as whole, and a payout that comes an hour later as lost.
    """
    now = settling.run.surroundings.now()
    known = " ".join(f"{each.text} " for each in settling.bank.statement_lines(now - _BEFORE, now + timedelta(days=1)))
    arrived = [each for each in settling.payouts(_BEFORE) if f"{each.ref} " not in known]
    entries = booked(arrived, now.date() - timedelta(days=1))
    written = statements(entries, form)
    lines = sum(settling.bank.import_statement(each, form) for each in written)
    settling.run.check(lines == len(entries) > 0, f"the shop read {len(entries)} line(s) from the bank, not {lines}")
    again = sum(settling.bank.import_statement(each, form) for each in written)
    settling.run.check(again == 0, f"the same statement again adds no line, and added {again}")
    stated = {each.end_to_end for each in entries}
    return [each for each in arrived if each.ref in stated]


def is_charge_booked(settling: Settling, ref: str) -> bool:
    """Say whether the ERP's journal names what the gateway booked of an order, both the money and its fee."""
    refs = {tender.ref for tender in settling.shop.order(ref).tenders}
    own = [each.ref for each in settling.entries(_BEFORE) if each.kind == "charge" and each.payment_ref in refs]
    lines = settling.journal(_BEFORE)
    told = {line.purpose for line in lines for name in own if name.casefold() in line.text.casefold()}
    return {"clearing", "fee"} <= told


def is_booked(settling: Settling, stated: Sequence[Payout]) -> bool:
    """Say whether the ERP's journal names every payout of the case's own days, on an account of the bank.

    Of gateways whose settlement the shop books: for others it has nothing to match a payout with. What was paid out
    before the case began may be older than what a shop still books by itself.
    """
    own = [each for each in stated if each.system in _BOOKED and each.created_at >= settling.began]
    lines = [each for each in settling.journal(_BEFORE) if each.purpose == "bank"]
    told = " ".join(f"{each.reference} {each.text} " for each in lines)
    return all(payout.ref.casefold() in told.casefold() for payout in own)


def _purchase(like: Purchase, currency: str, sku: str, country: str) -> Purchase:
    """Return the purchase of one article by the same customer, sent to a country's usual address."""
    there = buys("settled", currency, (sku, 1), to=country)
    return replace(there, email=like.email, name=like.name, extra={**there.extra, **like.extra})


def _third(order: Order) -> tuple[str, Money]:
    """Return a gateway that was paid and about a third of what it got, in its steps."""
    tender = next(each for each in order.tenders if each.ref)
    return tender.gateway, third_of(tender.amount, tender.gateway)
