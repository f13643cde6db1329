"""Why two records differ, as far as their own values tell: one field at a time, then the record.

A hint says one thing that would make the right's value out of the left's. A record alone may bear several; many
records together mostly bear one, and `assay.drift.pairs.crowds` asks them.
"""

from assay.drift.pairs.causes.hint import Hint, Known
from assay.drift.pairs.causes.record import cause_of, hints_of

__all__ = ["Hint", "Known", "cause_of", "hints_of"]
