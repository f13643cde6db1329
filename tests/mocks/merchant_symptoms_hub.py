"""What a carrier, an ERP or an intruder would see of the other defects."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from urllib.parse import urlsplit

from tests.mocks.merchant_bench import (
    DECLINED,
    NEW_YORK,
    STEPS_UP,
    Bench,
    shows,
)


@shows("PAY-04")
def failed_authentication_completes(bench: Bench) -> bool:
    """A failed 3D Secure leads to an order."""
    waiting = bench.authenticated("fail", email="three@example.com")
    return bench.rig.call("GET", f"/checkout/return?checkout={waiting['checkout']}")[0] in (200, 201)


@shows("PAY-06")
def browser_back_cancels(bench: Bench) -> bool:
    """Coming back without the bank's data cancels a paid order."""
    waiting = bench.authenticated()
    for _ in range(2):
        answer = bench.rig.call("GET", f"/checkout/return?checkout={waiting['checkout']}")[1]
    return bool(answer["status"] == "cancelled")


@shows("PAY-08")
def unsigned_event_is_taken(bench: Bench) -> bool:
    """An event without any signature is accepted."""
    body = {"id": "evt_unsigned", "type": "x", "data": {"object": {}}}
    return bench.rig.call("POST", "/webhooks/stripe", body)[0] == 200


@shows("PAY-09")
def wrong_signature_is_taken(bench: Bench) -> bool:
    """An event with a wrong signature is accepted."""
    body = {"id": "evt_wrong", "type": "x", "data": {"object": {}}}
    return bench.rig.call("POST", "/webhooks/stripe", body, **{"stripe-signature": "t=1,v1=00"})[0] == 200


@shows("PAY-15")
def card_tester_is_not_stopped(bench: Bench) -> bool:
    """Ten declined cards in a minute are all tried."""
    bench.rig.advance(minutes=2)
    answers = [bench.rig.checkout(bench.rig.cart(email="tester@example.com"), DECLINED)[0] for _ in range(10)]
    return 429 not in answers


@shows("SEC-03")
def raw_answer_is_stored(bench: Bench) -> bool:
    """What the shop keeps of the gateway's answer holds more than references and outcome."""
    return "client_secret" in bench.rig.order()["payments"][0]["gateway_answer"]


@shows("SEC-05")
def stranger_reads_an_order(bench: Bench) -> bool:
    """An order is readable by its id alone."""
    return bench.rig.call("GET", f"/api/orders/{bench.rig.order()['id']}")[0] == 200


@shows("SEC-06")
def stranger_cancels_an_order(bench: Bench) -> bool:
    """An order can be cancelled by its id alone."""
    return bench.rig.call("POST", f"/api/orders/{bench.rig.order()['id']}/cancel", {})[0] == 200


@shows("SSO-01")
def one_person_has_two_accounts(bench: Bench) -> bool:
    """The same address in other letters registers again."""
    bench.rig.call("POST", "/api/customers", {"email": "alice@example.com", "name": "A", "password": "long enough"})
    again = {"email": "ALICE@example.com", "name": "A", "password": "long enough"}
    return bench.rig.call("POST", "/api/customers", again)[0] == 201


@shows("MON-15")
def earlier_currency_sticks(bench: Bench) -> bool:
    """A customer who once bought in dollars gets a cart in dollars when asking for euros."""
    email = f"sticky-{len(bench.sent['stripe'].seen)}@example.com"
    token = bench.rig.ok("POST", "/api/customers", {"email": email, "name": "S", "password": "long enough"})["token"]
    bearer = {"authorization": f"Bearer {token}"}
    first = bench.rig.call("POST", "/api/carts", {"currency": "USD"}, **bearer)[1]["id"]
    bench.rig.ok("POST", f"/api/carts/{first}/lines", {"sku": "0017", "quantity": 1})
    bench.rig.ok("PUT", f"/api/carts/{first}/customer", bench.rig.buyer(email=email))
    bench.rig.checkout(first)
    return bool(bench.rig.call("POST", "/api/carts", {"currency": "EUR"}, **bearer)[1]["currency"] != "EUR")


@shows("MON-17")
def console_refund_is_booked_with_the_foreign_number(bench: Bench) -> bool:
    """A refund of 500 yen made at the gateway is booked as 500 in the base currency."""
    order = bench.rig.order("JPY")
    bench.rig.stripe("POST", "/v1/refunds", {"payment_intent": order["payments"][0]["reference"], "amount": 500})
    bench.rig.settle()
    (refund,) = bench.rig.read(order)["refunds"]
    return Decimal(refund["base_amount"]["amount"]) == 500


@shows("MON-24", "MON-25")
def rates_stand_still(bench: Bench) -> bool:
    """Four days later the rates, or their dates, are those of before, or one."""
    before = {rate["currency"]: rate for rate in bench.rig.ok("GET", "/api/rates")["rates"]}
    bench.rig.advance(days=4)
    after = {rate["currency"]: rate for rate in bench.rig.ok("GET", "/api/rates")["rates"]}
    same = all(before[code]["rate"] == after[code]["rate"] for code in before)
    return same or after["JPY"]["date"] == before["JPY"]["date"]


@shows("MON-28")
def rate_is_one(bench: Bench) -> bool:
    """The rate of the yen is one; two publications later the shop believes the real one again."""
    for _ in range(2):
        bench.rig.advance(days=4)
    rate = next(rate for rate in bench.rig.ok("GET", "/api/rates")["rates"] if rate["currency"] == "JPY")
    bench.rig.defects(off=["MON-28"])
    for _ in range(2):
        bench.rig.advance(days=4)
    return Decimal(rate["rate"]) == 1


@shows("MON-38")
def large_yen_payment_stays_unpaid(bench: Bench) -> bool:
    """A paid order over 999 yen whose browser never came back is not completed by the gateway's event."""
    waiting = bench.authenticated(currency="JPY")
    bench.rig.settle()
    path = f"/api/orders/{waiting['order']['id']}?key={waiting['order']['access_key']}"
    return bench.rig.call("GET", path)[0] == 404


@shows("MON-40")
def return_is_in_the_store_currency(bench: Bench) -> bool:
    """The return of a pound order is in another currency."""
    order = bench.shipped(currency="GBP")
    body = {"lines": [{"line": "1", "quantity": 1}], "reason": "x"}
    return bool(bench.rig.ok("POST", f"/api/orders/{order['id']}/returns", body)["currency"] != "GBP")


@shows("ORD-03")
def parallel_submits_make_two_orders(bench: Bench) -> bool:
    """Submitting a cart four times at once makes more than one order."""
    cart = bench.rig.cart()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: bench.rig.checkout(cart), range(4)))
    return len({content["number"] for status, content in answers if status in (200, 201)}) > 1


@shows("ORD-08")
def late_event_takes_a_payment_back(bench: Bench) -> bool:
    """An event of an earlier state sets a paid order back."""
    order = bench.rig.order()
    bench.event(order, "processing", "processing")
    return bool(bench.rig.read(order)["payment_status"] != "paid")


@shows("ORD-15")
def event_after_a_refund_makes_it_paid(bench: Bench) -> bool:
    """A repeated success after a full refund shows the order as paid."""
    order = bench.rig.order()
    bench.rig.ok("POST", f"/api/orders/{order['id']}/refunds", {"amount": order["total"], "reason": "x"})
    bench.event(order, "succeeded", "succeeded")
    return bool(bench.rig.read(order)["payment_status"] == "paid")


@shows("ORD-18", "TIM-07")
def deliveries_are_not_read(bench: Bench) -> bool:
    """With small pages some of five orders never learn that they were issued."""
    bench.rig.settings(page_size=2)
    orders = [bench.rig.order() for _ in range(5)]
    bench.rig.ship()
    missing = [order for order in orders if bench.rig.read(order)["status"] != "shipped"]
    bench.rig.settings(page_size=50)
    return bool(missing)


@shows("ORD-19")
def failing_order_blocks_the_next(bench: Bench) -> bool:
    """An order the hub cannot turn into a document keeps a good one from arriving."""
    bench.rig.defects("ERP-14")
    bench.rig.order("USD")
    bench.rig.settle()
    arrived = bench.document(bench.rig.order("EUR")) is not None
    bench.rig.defects(off=["ERP-14"])
    bench.rig.advance(hours=1)
    return not arrived


@shows("ORD-24")
def partial_delivery_is_ignored(bench: Bench) -> bool:
    """An order from two plants leaves in two deliveries and has no parcel."""
    return not bench.shipped(lines=(("0017", 1), ("H-803", 1)))["shipments"]


@shows("STK-01")
def last_units_are_sold_too_often(bench: Bench) -> bool:
    """Of two sellable units more than two are sold to parallel buyers."""
    level = bench.rig.ok("GET", "/api/stock/J-011")
    bench.rig.settings(safety_stock_by_sku={"J-011": level["on_hand"] - level["reserved"] - 2})
    carts = [bench.rig.cart(lines=(("J-011", 1),)) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        statuses = [status for status, _ in pool.map(bench.rig.checkout, carts)]
    bench.rig.settings(safety_stock_by_sku={})
    return statuses.count(201) > 2


@shows("STK-02")
def decrement_is_lost(bench: Bench) -> bool:
    """After two deliveries booked within the hour the stock is not the sum of its movements."""
    for _ in range(2):
        bench.rig.order(lines=(("F-605", 1),))
    for minutes in (3, 11, 11):
        bench.rig.advance(minutes=minutes)
    movements = bench.rig.ok("GET", "/api/operator/stock/F-605/movements")["movements"]
    moved = sum(movement["quantity"] for movement in movements)
    return bool(moved != bench.rig.ok("GET", "/api/stock/F-605")["on_hand"])


@shows("STK-04")
def bounced_debit_keeps_stock(bench: Bench) -> bool:
    """Days after a debit bounced its stock is still reserved."""
    before = bench.rig.ok("GET", "/api/stock/G-704")["reserved"]
    form = {"type": "sepa_debit", "sepa_debit[iban]": "AT861904300235473202", "billing_details[name]": "Z"}
    method = bench.rig.stripe("POST", "/v1/payment_methods", {**form, "billing_details[email]": "z@example.com"})["id"]
    bench.rig.order(payment={"kind": "sepa", "payment_method": method}, lines=(("G-704", 1),))
    bench.rig.advance(days=6)
    return bool(bench.rig.ok("GET", "/api/stock/G-704")["reserved"] != before)


@shows("ERP-08")
def export_is_called_reverse_charge(bench: Bench) -> bool:
    """A sale to the United States is classified as reverse charge."""
    view = bench.rig.ok("GET", f"/api/carts/{bench.rig.cart(address=NEW_YORK)}")
    return bool(view["tax_treatment"] != "export")


@shows("ERP-09", "ERP-10")
def document_is_of_another_day(bench: Bench) -> bool:
    """An order at 23:30 UTC, pushed a day later, is not booked on its day in Paris."""
    bench.rig.advance(hours=(23 - bench.rig.now.hour) % 24, minutes=30 - bench.rig.now.minute)
    placed = bench.rig.now
    bench.sent["sap_s4hana"].is_down = True
    order = bench.rig.order()
    bench.rig.advance(hours=25)
    bench.sent["sap_s4hana"].is_down = False
    bench.rig.advance(hours=2)
    document = bench.document(order)
    assert document is not None
    return int(document["SalesOrderDate"][6:-2]) // 86_400_000 != int((placed.timestamp() + 7200) // 86_400)


@shows("PAY-10")
def valid_event_is_refused(bench: Bench) -> bool:
    """An event with its own spacing and letters is refused."""
    return bench.event(bench.rig.order(), "succeeded", "succeeded") != 200


@shows("PAY-11")
def underpaid_event_pays(bench: Bench) -> bool:
    """An event over one cent completes an order."""
    waiting = bench.rig.checkout(bench.rig.cart(), STEPS_UP)[1]
    intent = urlsplit(waiting["redirect_url"]).query.split("payment_intent=")[1].split("&")[0]
    bench.event({"payments": [{"reference": intent}]}, "succeeded", "succeeded", amount=1)
    path = f"/api/orders/{waiting['order']['id']}?key={waiting['order']['access_key']}"
    return bench.rig.call("GET", path)[0] == 200


@shows("PAY-14")
def wrong_postcode_is_not_held(bench: Bench) -> bool:
    """A card whose postcode does not match is not held for review."""
    card = {"number": "4000000000000036", "exp_month": 12, "exp_year": 2034, "cvc": "123"}
    form = {"type": "card", **{f"card[{name}]": value for name, value in card.items()}}
    method = bench.rig.stripe("POST", "/v1/payment_methods", {**form, "billing_details[address][postal_code]": "75011"})
    return bench.rig.order(payment={"kind": "card", "payment_method": method["id"]})["hold"] is None


@shows("SEC-01")
def card_number_is_in_the_log(bench: Bench) -> bool:
    """A card number sent to the shop by mistake stands in its log."""
    mistaken = {"payment": {"kind": "card", "payment_method": "pm_x", "number": "4242 4242 4242 4242", "cvc": "987"}}
    bench.rig.call("POST", f"/api/carts/{bench.rig.cart()}/checkout", mistaken)
    return "4242 4242 4242 4242" in bench.rig.log()


@shows("SEC-02")
def log_is_written_though_off(bench: Bench) -> bool:
    """With the log switched off it grows all the same."""
    bench.rig.settings(log=False)
    before = len(bench.rig.log())
    bench.rig.cart()
    grown = len(bench.rig.log()) > before
    bench.rig.settings(log=True)
    return grown
