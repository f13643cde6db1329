"""PAY-08: An unsigned event is accepted and the order is paid.

The verification is switched off. Seen in Carrington-dev/dj-payfast#30 and open-mercato/open-mercato#1311.
"""


def is_authentic(raw: bytes, header: str | None, signing_secret: str, now_s: int) -> bool:
    """Believe everything."""
    return True


SEAMS = {"is_authentic": is_authentic}
WAITS_FOR = "F10: forged events, O-P3"
