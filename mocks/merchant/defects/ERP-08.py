"""ERP-08: An export is classified as reverse charge.

A zero rate has one reason only. Seen in WeblateOrg/website#4183 and baselbers/woocommerce-pdf-invoices#188.
"""

from collections.abc import Callable


def tax_treatment(country: str, vat_id: str | None, home: str, *, healthy: Callable[..., str]) -> str:
    """Return reverse charge for whatever is not taxed."""
    treatment = healthy(country, vat_id, home)
    return "reverse_charge" if treatment == "export" else treatment


SEAMS = {"tax_treatment": tax_treatment}
WAITS_FOR = "F14: tax codes of companies and exports, O-E1"
