"""Ids that repeat for the same seed and never collide within one simulator's life."""

from __future__ import annotations

import hashlib

from assay.simkit.documents import Documents

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class SeededIds:
    """Numbers and tokens drawn from a seed; the position is part of the simulator's state."""

    def __init__(self, documents: Documents, seed: int) -> None:
        self._positions = documents.table("_ids")
        self.seed = seed

    def number(self, kind: str, start: int = 1) -> int:
        """Return the next whole number of this kind, counting up from `start`."""
        number: int = self._positions.get(kind, start)
        self._positions[kind] = number + 1
        return number

    def token(self, kind: str, length: int = 24) -> str:
        """Return the next token of this kind: `length` letters and digits."""
        source = f"{self.seed}:{kind}:{self.number('#' + kind)}".encode()
        value = int.from_bytes(hashlib.blake2b(source, digest_size=48).digest())
        letters = []
        for _ in range(length):
            value, rest = divmod(value, 62)
            letters.append(_BASE62[rest])
        return "".join(letters)
