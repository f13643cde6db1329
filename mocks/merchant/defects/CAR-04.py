"""CAR-04: The carrier refuses kilograms with inches.

Two systems of units are mixed. Seen in magento/magento2#38618 and gabrielbull/php-ups-api#365.
"""


def weight_units(country: str) -> tuple[str, str]:
    """Return kilograms and inches."""
    return "KGS", "IN"


SEAMS = {"weight_units": weight_units}
SHOWN_BY = ("coupon",)
CAUGHT_BY = ("O-K1", "O-D1")
