"""STK-11: The stock feed stops for old items, and no log says so.

The job filters silently. Seen in frappe/ecommerce_integrations#289.
"""


def is_synced(sku: str) -> bool:
    """Sync the newest ranges alone."""
    return sku >= "J"


SEAMS = {"is_synced": is_synced}
WAITS_FOR = "O-S4: stock of the ERP in the shop (the pair stock finds it)"
