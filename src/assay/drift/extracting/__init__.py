"""Populations read from systems by their API: paged, resumable, landed as Parquet, and read on from where they were.

`ListingRows` is what `source = { kind = "listing", listing = "orders" }` of a pair opens. Systems that page by offset
skip rows while others write; so what is read is cut into spans of time that one answer holds (`walk`), and what is
landed twice is told apart by the system's own reference and the instant of its last change (`landed`).
"""

from __future__ import annotations

from assay.drift.extracting.goods import ALL_LISTINGS as LISTINGS
from assay.drift.extracting.listings import Column, Listing
from assay.drift.extracting.rows import Extracted, ListingRows, Systems
from assay.drift.extracting.watermark import Watermark, watermarks

__all__ = ["LISTINGS", "Column", "Extracted", "Listing", "ListingRows", "Systems", "Watermark", "watermarks"]
