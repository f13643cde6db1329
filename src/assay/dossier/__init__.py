"""Everything known of one order, or of a window: gathered from every witness, and what it is judged with."""

from __future__ import annotations

from assay.dossier.gathering import Gatherer, Journal, gather
from assay.dossier.parameters import judging_of

__all__ = ["Gatherer", "Journal", "gather", "judging_of"]
