"""PAY-09: A wrong signature is accepted.

Only the presence of the header is checked. Seen in Azuriom/Plugin-Shop#284.
"""


def is_authentic(raw: bytes, header: str | None, signing_secret: str, now_s: int) -> bool:
    """Believe whoever sends a header."""
    return header is not None


SEAMS = {"is_authentic": is_authentic}
WAITS_FOR = "F10: forged events, O-P3"
