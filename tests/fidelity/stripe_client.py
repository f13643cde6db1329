"""Stripe's own client against the Stripe simulator: payments, refunds, lists, errors, repeats, webhooks, payouts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import stripe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fidelity.session import Session, Step

DISTRIBUTION = "stripe"
SECRET = "whsec_fidelity"


class Merchant:
    """A shop that speaks to Stripe through the vendor's client, told nothing but another base address."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.client = stripe.StripeClient("sk_test_assay", base_addresses={"api": session.base_url})

    def pay(self, amount: int, *, card: str = "pm_card_visa", manual: bool = False) -> stripe.PaymentIntent:
        """Create and confirm an intent in EUR, `amount` in minor units."""
        return self.client.v1.payment_intents.create(
            {
                "amount": amount,
                "currency": "eur",
                "payment_method": card,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                "capture_method": "manual" if manual else "automatic",
                "confirm": True,
                "metadata": {"order": f"F-{amount}"},
            }
        )

    def create_and_confirm(self) -> str:
        """Create an intent, then confirm it."""
        draft = self.client.v1.payment_intents.create(
            {
                "amount": 1999,
                "currency": "jpy",
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                "metadata": {"order": "茶-1"},
            }
        )
        assert draft.status == "requires_payment_method", draft.status
        paid = self.client.v1.payment_intents.confirm(draft.id, {"payment_method": "pm_card_visa"})
        assert (paid.status, paid.amount_received, paid.currency) == ("succeeded", 1999, "jpy")
        assert paid.metadata is not None
        assert paid.metadata["order"] == "茶-1"
        return f"{paid.id} {paid.status}"

    def read_expanded(self) -> str:
        """Read an intent with its charge and ledger entry expanded."""
        intent = self.pay(1000)
        found = self.client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge.balance_transaction"]})
        charge = found.latest_charge
        assert isinstance(charge, stripe.Charge)
        assert charge.paid and charge.captured
        entry = charge.balance_transaction
        assert isinstance(entry, stripe.BalanceTransaction)
        assert entry.net == entry.amount - entry.fee > 0
        return f"{charge.id}: {entry.amount} less {entry.fee} fee is {entry.net}"

    def capture_part(self) -> str:
        """Authorise, then capture a part."""
        held = self.pay(5000, manual=True)
        assert (held.status, held.amount_capturable) == ("requires_capture", 5000)
        taken = self.client.v1.payment_intents.capture(held.id, {"amount_to_capture": 3000})
        assert (taken.status, taken.amount_received, taken.amount_capturable) == ("succeeded", 3000, 0)
        return f"{taken.amount_received} of {held.amount}"

    def cancel_hold(self) -> str:
        """Cancel a hold."""
        held = self.pay(700, manual=True)
        gone = self.client.v1.payment_intents.cancel(held.id, {"cancellation_reason": "requested_by_customer"})
        assert (gone.status, gone.cancellation_reason) == ("canceled", "requested_by_customer")
        return gone.status

    def refund(self) -> str:
        """Refund a part, then the rest; one cent more is refused."""
        intent = self.pay(2500)
        part = self.client.v1.refunds.create({"payment_intent": intent.id, "amount": 1000})
        rest = self.client.v1.refunds.create({"payment_intent": intent.id})
        assert (part.status, part.amount, rest.amount) == ("succeeded", 1000, 1500)
        assert len(self.client.v1.refunds.list({"payment_intent": intent.id}).data) == 2
        try:
            self.client.v1.refunds.create({"payment_intent": intent.id, "amount": 1})
        except stripe.InvalidRequestError as error:
            assert error.code == "charge_already_refunded", error.code
            return f"{part.amount} + {rest.amount}, then {error.code}"
        raise AssertionError("a refund beyond the payment was accepted")

    def page_through(self) -> str:
        """List page by page, newest first, each intent once."""
        made = [self.pay(300 + number).id for number in range(7)]
        first = self.client.v1.payment_intents.list({"limit": 3})
        assert len(first.data) == 3 and first.has_more
        listed = [intent.id for intent in first.auto_paging_iter()]
        assert listed[:7] == made[::-1]
        assert len(listed) == len(set(listed))
        back = self.client.v1.payment_intents.list({"limit": 2, "ending_before": listed[4]})
        assert [intent.id for intent in back.data] == listed[2:4]
        return f"{len(listed)} intents in pages of 3"

    def decline(self) -> str:
        """A declined card raises CardError."""
        try:
            self.pay(4200, card="pm_card_chargeDeclinedInsufficientFunds")
        except stripe.CardError as error:
            assert (error.http_status, error.code) == (402, "card_declined")
            assert error.error is not None
            assert error.error.decline_code == "insufficient_funds"
            assert error.error.payment_intent is not None
            return f"{error.code}, {error.error.decline_code}"
        raise AssertionError("the card was not declined")

    def authenticate(self) -> str:
        """A card that asks for 3D Secure answers with the action."""
        asked = self.pay(4300, card="pm_card_threeDSecure2Required")
        assert asked.status == "requires_action"
        assert asked.next_action is not None
        return f"{asked.status}, {asked.next_action.type}"

    def replay(self) -> str:
        """A repeated idempotency key gives the first answer; with other parameters it is refused."""
        options: stripe.RequestOptions = {"idempotency_key": "fidelity-1"}
        wish: stripe.params.PaymentIntentCreateParams = {
            "amount": 900,
            "currency": "eur",
            "payment_method": "pm_card_visa",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "confirm": True,
        }
        first = self.client.v1.payment_intents.create(wish, options)
        again = self.client.v1.payment_intents.create(wish, options)
        assert first.id == again.id
        assert again.last_response is not None
        assert again.last_response.headers["Idempotent-Replayed"] == "true"
        try:
            self.client.v1.payment_intents.create({**wish, "amount": 901}, options)
        except stripe.IdempotencyError as error:
            return f"{again.id} twice, then {error.http_status}"
        raise AssertionError("the same key with another amount was accepted")

    def refuse_stranger(self) -> str:
        """A wrong key raises AuthenticationError, an unknown parameter InvalidRequestError."""
        stranger = stripe.StripeClient("sk_test_stranger", base_addresses={"api": self.session.base_url})
        try:
            stranger.v1.payment_intents.list()
        except stripe.AuthenticationError as error:
            status = error.http_status
        else:
            raise AssertionError("a stranger was let in")
        try:
            self.client.raw_request("get", "/v1/payment_intents", colour="blue")
        except stripe.InvalidRequestError as error:
            return f"{status}; {error.code} {error.param}"
        raise AssertionError("an unknown parameter was accepted")

    def verify_webhook(self) -> str:
        """A signed webhook verifies; a tampered body and a wrong secret do not."""
        wanted = ["payment_intent.succeeded"]
        with self.session.receiving(webhook_secret=SECRET, webhook_events=wanted) as received:
            intent = self.pay(1234)
            self.session.advance(seconds=0)
        [webhook] = received
        body, signature = webhook.body, webhook.headers["Stripe-Signature"]
        event = stripe.Webhook.construct_event(body, signature, SECRET)
        assert event.type == "payment_intent.succeeded"
        assert event.data.object["id"] == intent.id
        for forged, secret in ((body.replace(b"1234", b"1235"), SECRET), (body, "whsec_other")):
            try:
                stripe.Webhook.construct_event(forged, signature, secret)
            except stripe.SignatureVerificationError:
                continue
            raise AssertionError("a forged webhook was accepted")
        assert self.client.v1.events.retrieve(event.id).type == event.type
        return f"{event.id} {event.type}"

    def reconcile_payout(self) -> str:
        """A payout is the sum of its balance transactions, each with its source, and arrives with an event."""
        self.session.configure(payout_arrival_days=1)
        self.pay(5000)
        yen = self.client.v1.payment_intents.create(
            {"amount": 8000, "currency": "jpy", "payment_method": "pm_card_jp", "confirm": True}
        )
        self.session.advance(days=8)
        [payout] = self.client.v1.payouts.list({"limit": 1, "status": "in_transit"}).data
        wish: stripe.params.BalanceTransactionListParams = {"payout": payout.id, "limit": 3, "expand": ["data.source"]}
        entries = list(self.client.v1.balance_transactions.list(wish).auto_paging_iter())
        own = [entry for entry in entries if entry.type == "payout"]
        assert [entry.amount for entry in own] == [-payout.amount]
        parts = [entry for entry in entries if entry.type != "payout"]
        assert payout.amount == sum(entry.net for entry in parts)
        [converted] = [entry for entry in parts if entry.exchange_rate is not None and _is_of(entry, str(yen.id))]
        assert converted.amount == round(8000 * (converted.exchange_rate or 0))
        assert converted.currency == payout.currency == "eur"
        self.session.advance(days=4)
        arrived = self.client.v1.payouts.retrieve(payout.id)
        assert (arrived.status, arrived.reconciliation_status) == ("paid", "completed")
        told = self.client.v1.events.list({"type": "payout.paid"}).data
        assert payout.id in [event.data.object["id"] for event in told]
        return f"{payout.id}: {payout.amount} {payout.currency} of {len(parts)} entries, {arrived.status}"

    def answer_dispute(self) -> str:
        """A disputed charge leaves the balance with a fee, and winning evidence brings it back."""
        intent = self.pay(3100, card="pm_card_createDispute")
        self.session.advance(seconds=1)
        [dispute] = self.client.v1.disputes.list({"payment_intent": intent.id}).data
        [taken] = dispute.balance_transactions
        assert (dispute.status, taken.amount, taken.reporting_category) == ("needs_response", -3100, "dispute")
        self.client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
        self.session.advance(seconds=1)
        won = self.client.v1.disputes.retrieve(dispute.id)
        assert (won.status, [entry.amount for entry in won.balance_transactions]) == ("won", [-3100, 3100])
        return f"{won.id} {won.status}, fee {taken.fee}"

    def read_balance(self) -> str:
        """The balance has an entry for each settlement currency."""
        self.session.configure(settlement_currencies=["usd"])
        balance = self.client.v1.balance.retrieve()
        self.session.configure(settlement_currencies=[])
        held = [entry.currency for entry in balance.available]
        assert held == ["eur", "usd"], held
        return ", ".join(held)


def _is_of(entry: stripe.BalanceTransaction, intent: str) -> bool:
    return isinstance(entry.source, stripe.Charge) and entry.source.payment_intent == intent


def steps(session: Session) -> Sequence[Step]:
    """Return the whole flow."""
    shop = Merchant(session)
    return (
        shop.create_and_confirm,
        shop.read_expanded,
        shop.capture_part,
        shop.cancel_hold,
        shop.refund,
        shop.page_through,
        shop.decline,
        shop.authenticate,
        shop.replay,
        shop.refuse_stranger,
        shop.verify_webhook,
        shop.reconcile_payout,
        shop.answer_dispute,
        shop.read_balance,
    )
