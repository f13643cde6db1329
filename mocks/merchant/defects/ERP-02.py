"""ERP-02: An order is booked in the company currency with the same number.

The currency is not transferred. Seen in frappe/ecommerce_integrations#365 and OCA/connector-woocommerce#26.
"""


def erp_currency(order_currency: str) -> str:
    """Return the company's currency."""
    return "EUR"


SEAMS = {"erp_currency": erp_currency}
SHOWN_BY = ("cjk",)
CAUGHT_BY = ("O-E2", "O-M2")
