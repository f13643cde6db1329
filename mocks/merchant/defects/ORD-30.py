"""ORD-30: the same order is posted twice to the ERP while the first document is still in approval.

The look-up that should prevent a second document sees approved ones alone, so the approval poll takes a document in
approval for a lost one and queues the push again. Seen in amzn/selling-partner-api-models#4160.
"""

from collections.abc import Callable, Sequence
from typing import Any

_APPROVED = ("", "B")


def find_erp_orders(
    sap: Any, references: Sequence[str], page_size: int, *, healthy: Callable[..., dict[str, dict[str, Any]]]
) -> dict[str, dict[str, Any]]:
    """Return the ERP's orders with these references, as long as they are approved."""
    found = healthy(sap, references, page_size)
    return {
        name: document for name, document in found.items() if document.get("SalesDocApprovalStatus", "") in _APPROVED
    }


SEAMS = {"find_erp_orders": find_erp_orders}
SHOWN_BY = ("coupon",)
CAUGHT_BY = ("O-O1",)
