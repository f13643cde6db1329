"""ERP-13: Postcode 04101 arrives as 4101.

The column is a number. Seen in wpsharks/s2member#1148.
"""


def stored_postcode(postcode: str) -> str:
    """Return digits as a number."""
    return str(int(postcode)) if postcode.isdecimal() else postcode


SEAMS = {"stored_postcode": stored_postcode}
SHOWN_BY = ("zip_04101",)
CAUGHT_BY = ("O-E4",)
