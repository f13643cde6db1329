"""PAY-10: Every valid event is refused.

The body is written anew before its signature is computed. Seen in KanishJebaMathewM/Truxify#5502 and airqo-
platform/AirQo-api#6616.
"""

import json
from collections.abc import Callable


def is_authentic(
    raw: bytes, header: str | None, signing_secret: str, now_s: int, *, healthy: Callable[..., bool]
) -> bool:
    """Compute the signature over the parsed and re-written body."""
    try:
        rewritten = json.dumps(json.loads(raw)).encode()
    except ValueError:
        return False
    return healthy(rewritten, header, signing_secret, now_s)


SEAMS = {"is_authentic": is_authentic}
SHOWN_BY = ("abandon_after_pay",)
CAUGHT_BY = ("O-O2",)
