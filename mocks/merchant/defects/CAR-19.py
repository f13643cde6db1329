"""CAR-19: A slow carrier stops the whole checkout.

Calls have no time-out. Seen in FrenetGatewaydeFretes/frenet-magento2#24.
"""


def timeout_s(vendor: str, operation: str, configured_s: float) -> float | None:
    """Wait for the carrier for ever."""
    return None if vendor == "ups" else configured_s


SEAMS = {"timeout_s": timeout_s}
WAITS_FOR = "O-L2: checkout while a system hangs (load)"
