"""MON-35: A gift card in yen pays an order in euros, number for number.

Wallets of all currencies are taken together. Seen in spree/spree#10944 and spree/spree#10939.
"""


def gift_card_pays(card_currency: str, order_currency: str) -> bool:
    """Take any card."""
    return True


SEAMS = {"gift_card_pays": gift_card_pays}
WAITS_FOR = "O-M11: gift cards of several currencies (F03)"
