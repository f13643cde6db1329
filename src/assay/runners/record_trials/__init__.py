"""Would today's profile catch it? The catalogue's defects tried on the records of a green run, platform untouched."""

from __future__ import annotations

# Importing a family registers its classes.
from assay.runners.record_trials import books, goods, money, order, together
from assay.runners.record_trials.green_run import Kept, NoGreenRun, kept_run
from assay.runners.record_trials.shape import CLASSES, Lacking, RecordClass, chosen_classes
from assay.runners.record_trials.trial import Blind, RecordTrial, Tried, try_records

FAMILIES = (money, order, books, goods, together)

__all__ = [
    "CLASSES",
    "FAMILIES",
    "Blind",
    "Kept",
    "Lacking",
    "NoGreenRun",
    "RecordClass",
    "RecordTrial",
    "Tried",
    "chosen_classes",
    "kept_run",
    "try_records",
]
