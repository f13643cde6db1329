"""ORD-10: The customer is told the payment failed though the money was taken.

The shop waits less long than the gateway takes. Seen in mollie/PrestaShop#1510.
"""


def unknown_outcome() -> str:
    """Call silence a failure."""
    return "failed"


SEAMS = {"unknown_outcome": unknown_outcome}
SHOWN_BY = ("answer_lost",)
CAUGHT_BY = ("O-O12", "O-O3")
