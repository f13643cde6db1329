"""PayPal's own server SDK against the PayPal simulator: orders, authorisations, captures, refunds, errors, repeats."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fidelity.session import Session, Step

# The SDK is generated and carries no types; loaded by name it is the same in its own environment and for mypy.
configuration: Any = import_module("paypalserversdk.configuration")
auth: Any = import_module("paypalserversdk.http.auth.o_auth_2")
client: Any = import_module("paypalserversdk.paypal_serversdk_client")
invalid: Any = import_module("apimatic_core.exceptions.auth_validation_exception")
errors: Any = import_module("paypalserversdk.exceptions.error_exception")
search_errors: Any = import_module("paypalserversdk.exceptions.search_error_exception")
models: Any = import_module("paypalserversdk.models.order_request")
units: Any = import_module("paypalserversdk.models.purchase_unit_request")
amounts: Any = import_module("paypalserversdk.models.amount_with_breakdown")
breakdowns: Any = import_module("paypalserversdk.models.amount_breakdown")
moneys: Any = import_module("paypalserversdk.models.money")
items: Any = import_module("paypalserversdk.models.item")
refunds: Any = import_module("paypalserversdk.models.refund_request")
captures: Any = import_module("paypalserversdk.models.capture_request")
intents: Any = import_module("paypalserversdk.models.checkout_payment_intent")

DISTRIBUTION = "paypal-server-sdk"
WHOLE = "return=representation"
DECLINED = '{"mock_application_codes": "INSTRUMENT_DECLINED"}'


class _NoFollowing(urllib.request.HTTPRedirectHandler):
    """Stops at the address the payer is led back to: it is the shop's, and nobody answers there."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow nothing."""


class Merchant:
    """A shop that speaks to PayPal through its SDK, told nothing but another base address."""

    def __init__(self, session: Session) -> None:
        self.session = session
        environment = configuration.Environment.SANDBOX
        configuration.Configuration.environments[environment] = {configuration.Server.DEFAULT: session.base_url}
        self.client = self._client("assay-secret")
        self.capture_id = ""

    def _client(self, secret: str) -> Any:
        credentials = auth.ClientCredentialsAuthCredentials(
            o_auth_client_id="assay-client", o_auth_client_secret=secret
        )
        return client.PaypalServersdkClient(client_credentials_auth_credentials=credentials)

    def order(self, value: str, currency: str = "EUR", *, intent: str = "CAPTURE", **options: Any) -> Any:
        """Create an order of one purchase unit."""
        amount = amounts.AmountWithBreakdown(currency_code=currency, value=value)
        unit = units.PurchaseUnitRequest(amount=amount, custom_id="A100001")
        kind = getattr(intents.CheckoutPaymentIntent, intent)
        body = models.OrderRequest(intent=kind, purchase_units=[unit])
        return self.client.orders.create_order({"body": body, "prefer": WHOLE, **options}).body

    def approve(self, order: str) -> str:
        """Be the payer: approve on PayPal's page and return the address the page leads to, if any."""
        form = urllib.parse.urlencode({"token": order, "outcome": "approve"}).encode()
        opener = urllib.request.build_opener(_NoFollowing)
        try:
            with opener.open(f"{self.session.base_url}/checkoutnow", form, timeout=30) as page:
                return str(page.status)
        except urllib.error.HTTPError as moved:
            return str(moved.headers["Location"])

    def paid(self, value: str, currency: str = "EUR") -> Any:
        """Pay an order and return its capture."""
        order = self.order(value, currency)
        self.approve(order.id)
        done = self.client.orders.capture_order({"id": order.id, "prefer": WHOLE}).body
        return done.purchase_units[0].payments.captures[0]

    def create_and_capture(self) -> str:
        """An order with a breakdown is created, approved, captured and read back."""
        parts = {"item_total": "20.00", "tax_total": "3.80", "shipping": "2.60", "discount": "1.00"}
        breakdown = breakdowns.AmountBreakdown(**{name: _money(value) for name, value in parts.items()})
        goods = [
            items.Item(name="Mug", quantity="2", unit_amount=_money("7.50"), tax=_money("1.43")),
            items.Item(name="Book", quantity="1", unit_amount=_money("5.00"), tax=_money("0.94")),
        ]
        amount = amounts.AmountWithBreakdown(currency_code="EUR", value="25.40", breakdown=breakdown)
        unit = units.PurchaseUnitRequest(amount=amount, items=goods, invoice_id="A100001")
        body = models.OrderRequest(intent=intents.CheckoutPaymentIntent.CAPTURE, purchase_units=[unit])
        order = self.client.orders.create_order({"body": body}).body
        assert order.status == "CREATED"
        assert any(link.rel == "approve" for link in order.links)
        self.approve(order.id)
        answer = self.client.orders.capture_order({"id": order.id})
        assert answer.status_code == 201
        [capture] = answer.body.purchase_units[0].payments.captures
        self.capture_id = capture.id
        seen = self.client.orders.get_order({"id": order.id}).body
        assert (seen.status, seen.purchase_units[0].amount.breakdown.discount.value) == ("COMPLETED", "1.00")
        return f"{seen.status}, {capture.amount.value} {capture.amount.currency_code}"

    def read_capture(self) -> str:
        """A capture is read with what the account receives of it."""
        capture = self.client.payments.get_captured_payment({"capture_id": self.capture_id}).body
        parts = capture.seller_receivable_breakdown
        return f"{parts.gross_amount.value} less {parts.paypal_fee.value} is {parts.net_amount.value}"

    def pay_without_decimals(self) -> str:
        """HUF, JPY and TWD are paid without decimals; with them the order is refused."""
        seen = [self.paid("1234", currency).amount.value for currency in ("HUF", "JPY", "TWD")]
        assert seen == ["1234"] * 3
        issue = _refused(lambda: self.order("1234.50", "JPY"), 422)
        assert issue == "DECIMALS_NOT_SUPPORTED"
        return f"{seen}, then {issue}"

    def capture_in_parts(self) -> str:
        """An authorisation is captured in two parts."""
        held = self.authorised("40.00")
        part = captures.CaptureRequest(amount=_money("15.00"))
        options = {"authorization_id": held.id, "prefer": WHOLE}
        first = self.client.payments.capture_authorized_payment({**options, "body": part}).body
        between = self.client.payments.get_authorized_payment({"authorization_id": held.id}).body.status
        assert (first.amount.value, between) == ("15.00", "PARTIALLY_CAPTURED")
        rest = self.client.payments.capture_authorized_payment(options).body
        after = self.client.payments.get_authorized_payment({"authorization_id": held.id}).body.status
        return f"{first.amount.value}, then {rest.amount.value}: {after}"

    def authorised(self, value: str) -> Any:
        """Authorise an order and return the authorisation."""
        order = self.order(value, intent="AUTHORIZE")
        self.approve(order.id)
        done = self.client.orders.authorize_order({"id": order.id, "prefer": WHOLE}).body
        return done.purchase_units[0].payments.authorizations[0]

    def void(self) -> str:
        """An authorisation is voided, and cannot be captured any more."""
        held = self.authorised("12.00")
        voided = self.client.payments.void_payment({"authorization_id": held.id, "prefer": WHOLE}).body
        assert voided.status == "VOIDED"
        capture = {"authorization_id": held.id}
        return _refused(lambda: self.client.payments.capture_authorized_payment(capture), 422)

    def refund(self) -> str:
        """A capture is refunded in part and then whole, and once more is refused."""
        capture = self.paid("30.00").id
        part = refunds.RefundRequest(amount=_money("10.00"), note_to_payer="One mug")
        first = self.client.payments.refund_captured_payment(
            {"capture_id": capture, "body": part, "prefer": WHOLE, "paypal_request_id": "refund-1"}
        ).body
        again = self.client.payments.refund_captured_payment(
            {"capture_id": capture, "body": part, "prefer": WHOLE, "paypal_request_id": "refund-1"}
        ).body
        assert first.id == again.id
        rest = self.client.payments.refund_captured_payment({"capture_id": capture, "prefer": WHOLE}).body
        assert (first.amount.value, rest.amount.value) == ("10.00", "20.00")
        seen = self.client.payments.get_refund({"refund_id": rest.id}).body
        assert seen.seller_payable_breakdown.total_refunded_amount.value == "30.00"
        issue = _refused(lambda: self.client.payments.refund_captured_payment({"capture_id": capture}), 422)
        return f"{seen.status}, then {issue}"

    def repeat(self) -> str:
        """A repeated PayPal-Request-Id gives the same order."""
        first, again = (self.order("9.00", paypal_request_id="order-1") for _ in range(2))
        assert first.id == again.id
        return f"{again.id} twice"

    def decline(self) -> str:
        """Negative testing declines the payer's instrument."""
        order = self.order("42.00")
        self.approve(order.id)
        options = {"id": order.id, "paypal_mock_response": DECLINED}
        return _refused(lambda: self.client.orders.capture_order(options), 422)

    def refuse(self) -> str:
        """An unapproved order, an unknown id and a wrong sum raise the SDK's own error with PayPal's issue."""
        order = self.order("5.00")
        unapproved = _refused(lambda: self.client.orders.capture_order({"id": order.id}), 422)
        unknown = _refused(lambda: self.client.payments.get_captured_payment({"capture_id": "NONE"}), 404)
        precise = _refused(lambda: self.order("1.234"), 422)
        return f"{unapproved}, {unknown}, {precise}"

    def refuse_stranger(self) -> str:
        """A wrong secret gets no token, and no order."""
        stranger = self._client("wrong")
        try:
            stranger.orders.get_order({"id": "ANY"})
        except invalid.AuthValidationException as refusal:
            return type(refusal).__name__
        raise AssertionError("a stranger was let in")

    def search_history(self) -> str:
        """The history has the payment with its fee, the refund and the two sides of a conversion."""
        self.session.configure(reporting_delay_s=0)
        capture = self.paid("2000", "JPY")
        self.client.payments.refund_captured_payment({"capture_id": capture.id, "prefer": WHOLE})
        today = self.session.now().strftime("%Y-%m-%dT")
        span = {"start_date": f"{today}00:00:00Z", "end_date": f"{today}23:59:59Z"}
        seen: list[Any] = []
        page = 1
        while True:
            wish = {**span, "page_size": 4, "page": page, "fields": "all"}
            found = self.client.transaction_search.search_transactions(wish).body
            seen += [each.transaction_info for each in found.transaction_details]
            if page >= found.total_pages:
                break
            page += 1
        assert len(seen) == found.total_items
        mine = [each for each in seen if capture.id in (each.transaction_id, _reference(each))]
        codes = [each.transaction_event_code for each in mine]
        assert codes == ["T0006", "T0200", "T0200", "T1107"], codes
        assert (mine[0].transaction_amount.value, mine[0].fee_amount.value[:1]) == ("2000", "-")
        assert _refused(lambda: self.client.transaction_search.search_transactions({**span, "page_size": 501}), 400)
        self.session.configure(reporting_delay_s=None)
        return f"{len(seen)} transactions in {page} pages, {', '.join(codes)}"


def _money(value: str, currency: str = "EUR") -> Any:
    return moneys.Money(currency_code=currency, value=value)


def _refused(call: Any, status: int) -> str:
    """Return the issue of the SDK's error, which the call must raise."""
    try:
        call()
    except (errors.ErrorException, search_errors.SearchErrorException) as refusal:
        assert refusal.response_code == status, refusal
        return str(refusal.details[0].issue)
    raise AssertionError("nothing was refused")


def _reference(info: Any) -> str | None:
    reference: str | None = getattr(info, "paypal_reference_id", None)
    return reference


def steps(session: Session) -> Sequence[Step]:
    """Return the whole flow."""
    shop = Merchant(session)
    return (
        shop.create_and_capture,
        shop.read_capture,
        shop.pay_without_decimals,
        shop.capture_in_parts,
        shop.void,
        shop.refund,
        shop.repeat,
        shop.decline,
        shop.refuse,
        shop.refuse_stranger,
        shop.search_history,
    )
