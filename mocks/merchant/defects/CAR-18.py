"""CAR-18: An international label is refused because the phone number is missing.

The phone number is not handed over. Seen in EasyPost/easypost-python#42.
"""


def label_phone(phone: str) -> str:
    """Return no number."""
    return ""


SEAMS = {"label_phone": label_phone}
SHOWN_BY = ("cjk",)
CAUGHT_BY = ("O-K2", "O-D1")
