"""Order oracles. O-O1: each system holds the order exactly once."""

from __future__ import annotations

from assay.events import Finding
from assay.oracles import failed, oracle, passed
from assay.records import Dossier, Order


@oracle("O-O1", needs=("payments", "erp"), formula="count(docs with ext_ref(o)) == 1 in each system k")
def exactly_once(dossier: Dossier, order: Order) -> Finding:
    """Count what each system holds under the order's number; a declared child document names its parent."""
    booked = [each for each in dossier.documents if each.kind == "sales_order" and each.parent_ref is None]
    if len(booked) != 1:
        erp = booked[0].system if booked else "erp"
        refs = ", ".join(each.ref for each in booked) or "none"
        cause = "posted again while the first was not yet finished" if booked else "the order never reached the ERP"
        return failed("shop", erp, expected="1 sales order", seen=f"{len(booked)} ({refs})", cause=cause)
    paid = [each for each in dossier.payments if each.captured.minor]
    if len(paid) > 1:
        refs = ", ".join(each.ref for each in paid)
        return failed(
            "shop",
            paid[0].system,
            expected="1 captured payment",
            seen=f"{len(paid)} ({refs})",
            cause="the customer was charged more than once",
        )
    return passed()
