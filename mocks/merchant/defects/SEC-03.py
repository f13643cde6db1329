"""SEC-03: The gateway's raw answer is stored.

Nothing is taken out before it is written. Seen in WHMCS/sample-merchant-gateway#10.
"""

from typing import Any


def stored_gateway_answer(answer: dict[str, Any]) -> dict[str, Any]:
    """Return all of it."""
    return answer


SEAMS = {"stored_gateway_answer": stored_gateway_answer}
SHOWN_BY = ("coupon",)
CAUGHT_BY = ("O-Z1",)
