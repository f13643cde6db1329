"""Adyen's own client against the Adyen simulator: payments, modifications, errors, idempotency and webhooks."""

from __future__ import annotations

import importlib
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fidelity.session import Session, Step

# By name, for type checking runs where this library is not installed, and it carries no types.
Adyen: Any = importlib.import_module("Adyen")
DISTRIBUTION = "Adyen"
MERCHANT = "AssayECOM"
HMAC_KEY = "0F1E2D3C4B5A69788796A5B4C3D2E1F00F1E2D3C4B5A69788796A5B4C3D2E1F0"


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Do not follow: the shop is not there."""


class Merchant:
    """A shop that speaks to Adyen through the vendor's client, told nothing but another base address."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.client = Adyen.Adyen(xapikey="AQE_test_assay", platform="test")
        self.payments = self.client.checkout.payments_api
        self.modifications = self.client.checkout.modifications_api
        for api in (self.payments, self.modifications):
            api.baseUrl = f"{session.base_url}/v72"

    def request(self, value: int, currency: str, **card: str) -> dict[str, Any]:
        """Return a payment request, `value` in Adyen's minor units."""
        expiry = {"expiryMonth": "03", "expiryYear": "2030", "cvc": "737"}
        return {
            "amount": {"value": value, "currency": currency},
            "reference": f"F-{value}",
            "merchantAccount": MERCHANT,
            "returnUrl": "https://shop.example/back",
            "paymentMethod": {"type": "scheme", "number": "4111111111111111", **expiry, **card},
        }

    def pay(self, value: int = 1_000, currency: str = "EUR", **card: str) -> dict[str, Any]:
        """Pay by card."""
        message: dict[str, Any] = self.payments.payments(self.request(value, currency, **card)).message
        return message

    def ask(self, value: int | None = None, currency: str = "EUR") -> dict[str, Any]:
        """Return the request of a modification."""
        amount = {} if value is None else {"amount": {"value": value, "currency": currency}}
        return {"merchantAccount": MERCHANT, **amount}

    def list_methods(self) -> str:
        """List payment methods by country and currency."""
        wish = {**self.ask(1, "EUR"), "countryCode": "NL"}
        found = [each["type"] for each in self.payments.payment_methods(wish).message["paymentMethods"]]
        assert found == ["scheme", "ideal", "sepadirectdebit"], found
        return ", ".join(found)

    def pay_in_odd_currencies(self) -> str:
        """Pay in currencies with none, two and three decimals of Adyen's own."""
        seen = []
        for value, currency in ((8_000, "JPY"), (279_000, "ISK"), (150_000, "IDR"), (1_250, "KWD")):
            paid = self.pay(value, currency)
            assert (paid["resultCode"], paid["amount"]) == ("Authorised", {"value": value, "currency": currency})
            seen.append(f"{value} {currency}")
        return ", ".join(seen)

    def decline(self) -> str:
        """A declined card is an answer, not an error."""
        refused = self.pay(holderName="NOT_ENOUGH_BALANCE")
        assert (refused["resultCode"], refused["refusalReasonCode"]) == ("Refused", "12")
        return f"{refused['resultCode']}: {refused['refusalReason']}"

    def authenticate(self) -> str:
        """A shopper sent away comes back, and the details finish the payment."""
        sent = self.pay(number="4212345678901237")
        assert sent["resultCode"] == "RedirectShopper"
        page = urllib.parse.urlsplit(sent["action"]["url"])
        address = f"{self.session.base_url}{page.path}?{page.query}"
        try:
            urllib.request.build_opener(_Stay).open(address, b"outcome=authorised", timeout=10)
        except urllib.error.HTTPError as answer:
            back = urllib.parse.urlsplit(answer.headers["Location"])
        [result] = urllib.parse.parse_qs(back.query)["redirectResult"]
        done = self.payments.payments_details({"details": {"redirectResult": result}}).message
        assert done["resultCode"] == "Authorised"
        return f"{sent['resultCode']}, then {done['resultCode']}"

    def modify(self) -> str:
        """Capture, refund, cancel, reverse and adjust are taken, and webhooks with good signatures say the outcome."""
        with self.session.receiving(202, hmac_key=HMAC_KEY, capture_delay="manual") as received:
            held, other, third = (self.pay(value)["pspReference"] for value in (1_000, 2_000, 3_000))
            calls = (
                (self.modifications.update_authorised_amount, held, self.ask(1_500)),
                (self.modifications.capture_authorised_payment, held, self.ask(1_500)),
                (self.modifications.refund_captured_payment, held, self.ask(400)),
                (self.modifications.refund_captured_payment, held, self.ask(1_101)),
                (self.modifications.cancel_authorised_payment_by_psp_reference, other, self.ask()),
                (self.modifications.refund_or_cancel_payment, third, self.ask()),
            )
            for call, payment, wish in calls:
                answer = call(wish, payment)
                assert (answer.status_code, answer.message["status"]) == (201, "received"), answer.message
                self.session.advance(seconds=1)
            self.session.configure(capture_delay=None)
        came = [json.loads(webhook.body) for webhook in received]
        told = [each["notificationItems"][0]["NotificationRequestItem"] for each in came]
        outcomes = [(each["eventCode"], each["success"]) for each in told if each["eventCode"] != "AUTHORISATION"]
        assert outcomes == [
            ("AUTHORISATION_ADJUSTMENT", "true"),
            ("CAPTURE", "true"),
            ("REFUND", "true"),
            ("REFUND", "false"),
            ("CANCELLATION", "true"),
            ("CANCEL_OR_REFUND", "true"),
        ], outcomes
        for each in came:
            assert Adyen.util.is_valid_hmac_notification(each, HMAC_KEY)
            each["notificationItems"][0]["NotificationRequestItem"]["amount"]["value"] += 1
            assert not Adyen.util.is_valid_hmac_notification(each, HMAC_KEY)
        return f"{len(told)} webhooks, all signed"

    def cancel_by_reference(self) -> str:
        """Cancel by the shop's own reference."""
        paid = self.pay(4_321)
        wish = {**self.ask(), "paymentReference": paid["merchantReference"]}
        taken = self.modifications.cancel_authorised_payment(wish).message
        assert taken["paymentReference"] == "F-4321"
        return str(taken["pspReference"])

    def replay(self) -> str:
        """A repeated idempotency key gives the first answer."""
        wish = self.request(900, "EUR")
        first, again = (self.payments.payments(wish, idempotency_key="fidelity-1").message for _ in range(2))
        assert first == again
        return f"{again['pspReference']} twice"

    def refuse(self) -> str:
        """A wrong key, another merchant account, an unknown field and a bad request raise the client's own errors."""
        stranger = Adyen.Adyen(xapikey="stranger", platform="test")
        stranger.checkout.payments_api.baseUrl = f"{self.session.base_url}/v72"
        good = self.request(100, "EUR")
        cases = (
            (stranger.checkout.payments_api, good, Adyen.AdyenAPIAuthenticationError),
            (self.payments, {**good, "merchantAccount": "Other"}, Adyen.AdyenAPIInvalidPermission),
            (self.payments, {**good, "colour": "blue"}, Adyen.AdyenAPIValidationError),
            (self.payments, {**good, "returnUrl": ""}, Adyen.AdyenAPIUnprocessableEntity),
        )
        codes = []
        for api, wish, expected in cases:
            try:
                api.payments(wish)
            except expected as error:
                codes.append(str(error.error_code))
            else:
                raise AssertionError(f"{expected.__name__} was not raised")
        assert codes == ["000", "901", "702", "14_030"], codes
        return ", ".join(codes)


def steps(session: Session) -> Sequence[Step]:
    """Return the whole flow."""
    shop = Merchant(session)
    return (
        shop.list_methods,
        shop.pay_in_odd_currencies,
        shop.decline,
        shop.authenticate,
        shop.modify,
        shop.cancel_by_reference,
        shop.replay,
        shop.refuse,
    )
