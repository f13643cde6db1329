"""ORD-13: A retry mints a new idempotency key.

The key belongs to the call, not to the purchase. Seen in square/square-mcp-server#31.
"""

from itertools import count

_CALLS = count()


def sent_headers(headers: dict[str, str]) -> dict[str, str]:
    """Give every try a key of its own."""
    return {
        name: f"{value}-{next(_CALLS)}" if name.lower() == "idempotency-key" else value
        for name, value in headers.items()
    }


SEAMS = {"sent_headers": sent_headers}
SHOWN_BY = ("answer_lost",)
CAUGHT_BY = ("O-O3",)
