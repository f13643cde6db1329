"""Accounting oracles. O-E2: the ERP's document totals are the shop's."""

from __future__ import annotations

from assay.events import Finding
from assay.oracles import failed, oracle, passed, unjudged
from assay.records import Dossier, Order


@oracle("O-E2", needs=("erp",), formula="total(ERP document) == total(o); header == sum of lines")
def document_totals(dossier: Dossier, order: Order) -> Finding:
    """Hold each sales order of the ERP against the shop's order: currency, and total less tax or with it."""
    booked = [each for each in dossier.documents if each.kind == "sales_order"]
    if not booked:
        return unjudged("the ERP holds no sales order: O-O1 and O-O2 judge that")
    gross, tax = order.total.amount, order.tax.amount if order.tax else None
    for document in booked:
        if document.total is None:
            return unjudged(f"{document.system} {document.ref} shows no total")
        if document.currency != order.total.currency:
            return failed(
                "shop",
                document.system,
                expected=order.total.currency,
                seen=str(document.currency),
                cause="the currency was not transferred",
            )
        # An ERP's sales order shows its net value: the total less tax.
        net = gross - tax if tax is not None else gross
        if document.total not in (net, gross):
            return failed(
                "shop",
                document.system,
                expected=f"{net:f} net or {gross:f} gross {order.total.currency}",
                seen=f"{document.total:f} {document.currency} in {document.ref}",
                cause="a component (goods, shipping, discount, tax) differs between the two",
            )
    return passed()
