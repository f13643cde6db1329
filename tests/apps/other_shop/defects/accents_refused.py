"""ERP-12: an order whose recipient has an accent in the name never reaches SAP: the codec knows none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

REPLACES = "erp:encode"


def encode(document: Mapping[str, Any]) -> bytes:
    """Return a document as JSON in a codec of 128 characters."""
    return json.dumps(document, ensure_ascii=False).encode("ascii")
