"""Names for what happens once: a run, a probe, a sweep. They sort by time and never look like a card number."""

from __future__ import annotations

import secrets
from datetime import datetime

_LETTERS = "abcdefghjkmnpqrstuvwxyz"


def timed_id(at: datetime, letters: int = 4) -> str:
    """Return an id that nobody else has: when it began, by UTC or whatever clock ``at`` is of, then random letters.

    The ids go into the names of synthetic customers. One in ten of 14 digits with a hyphen between passes a card
    number's check, would be masked in the journal, and nothing would be found there by that customer any more; hence
    the letter between date and time, and no digit at the end.
    """
    return f"{at:%Y%m%dt%H%M%S}-{''.join(secrets.choice(_LETTERS) for _ in range(letters))}"
