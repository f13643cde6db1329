"""Materials as API_PRODUCT_SRV holds them: A_Product with its descriptions, in our words."""

from __future__ import annotations

from decimal import Decimal

from assay.connectors.sap_s4hana.dates import date_of, moment_of
from assay.http import Answer
from assay.records import Material

MATERIALS = "/sap/opu/odata/sap/API_PRODUCT_SRV/A_Product"
_COLUMNS = (
    "Product",
    "ProductStandardID",
    "IsMarkedForDeletion",
    "GrossWeight",
    "WeightUnit",
    "CreationDate",
    "LastChangeDateTime",
    "to_Description/Language",
    "to_Description/ProductDescription",
)
MATERIALS_READ = (("$select", ",".join(_COLUMNS)), ("$expand", "to_Description"))
_ENGLISH = "EN"
_GRAMS = {
    "MG": Decimal("0.001"),
    "G": Decimal(1),
    "KG": Decimal(1_000),
    "TO": Decimal(1_000_000),
    "OZ": Decimal("28.349523125"),
    "LB": Decimal("453.59237"),
}
"""Grams of SAP's units of weight."""


def decode_material(entry: Answer) -> Material:
    """Turn A_Product with to_Description expanded into our record; its name is the English one, else the first."""
    names = {
        each.text("Language"): each.text_or("ProductDescription", "")
        for each in (entry.items("to_Description.results") if entry.has("to_Description.results") else ())
    }
    grams = _GRAMS.get(entry.text_or("WeightUnit", ""))
    weighs = grams is not None and entry.has("GrossWeight")
    return Material(
        system="sap_s4hana",
        sku=entry.text("Product"),
        name=names.get(_ENGLISH) or next((names[each] for each in sorted(names)), None) or None,
        gtin=entry.text_or("ProductStandardID", "") or None,
        weight_g=entry.decimal("GrossWeight") * grams if weighs and grams else None,
        deleted=_is_marked(entry),
        created_on=date_of(entry, "CreationDate"),
        changed_at=moment_of(entry, "LastChangeDateTime"),
    )


def _is_marked(entry: Answer) -> bool:
    marked = entry.raw.get("IsMarkedForDeletion") if isinstance(entry.raw, dict) else None
    return marked if isinstance(marked, bool) else entry.refuse("IsMarkedForDeletion", "true or false")
