"""ERP-12: An order with CJK letters or an emoji never arrives in the ERP.

The connector encodes in Latin-1. Seen in frappe/erpnext#9818.
"""

import json
from typing import Any


def encode_body(document: Any) -> bytes:
    """Return Latin-1, or fail."""
    return json.dumps(document, ensure_ascii=False).encode("latin-1")


SEAMS = {"encode_body": encode_body}
SHOWN_BY = ("emoji",)
CAUGHT_BY = ("O-O2", "O-O8")
