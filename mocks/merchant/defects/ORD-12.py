"""ORD-12: A customer is charged several times for one purchase after a slow success.

Retries carry no idempotency key. Seen in akash-network/console#3449.
"""


def sent_headers(headers: dict[str, str]) -> dict[str, str]:
    """Drop the idempotency key."""
    return {name: value for name, value in headers.items() if name.lower() != "idempotency-key"}


SEAMS = {"sent_headers": sent_headers}
SHOWN_BY = ("answer_lost",)
CAUGHT_BY = ("O-O3",)
