"""CAT-04: SKU 0017 becomes 17 on its way.

A cell of digits is read as a number. Seen in dweeves/magmi-git#529.
"""


def erp_material(sku: str) -> str:
    """Return digits as a number."""
    return str(int(sku)) if sku.isdecimal() else sku


SEAMS = {"erp_material": erp_material}
SHOWN_BY = ("sku_0017",)
CAUGHT_BY = ("O-O2", "O-O8")
