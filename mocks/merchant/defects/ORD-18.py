"""ORD-18: Of more new documents than fit on a page the rest is never read.

Only the first page of a list is read. Seen in OpenXE-org/OpenXE#262 and stripe/stripe-mirakl-connector#48.
"""


def next_page(rows_read: int, rows_on_page: int, page_size: int, total: int | None) -> bool:
    """Stop after the first page."""
    return False


SEAMS = {"next_page": next_page}
SHOWN_BY = ("registered",)
CAUGHT_BY = ("O-O8", "O-K4")
SETTINGS = {"page_size": 1}
