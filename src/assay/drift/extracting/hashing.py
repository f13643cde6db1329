"""Personal data that is compared for equality alone: what is landed of it is a keyed hash, which nobody can try out.

The same text gives the same hash in every listing of a project, so that both sides of a pair can be held against each
other; without the key it is of no use, not even to somebody with a list of all customers.
"""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from assay.errors import UsageError

_BYTES = 32
_DIGEST = 16


def hashed(text: str, key: bytes) -> str:
    """Return the keyed hash of a text, byte for byte: 32 hexadecimal digits (BLAKE2b)."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=_DIGEST).hexdigest()


def key_of(secret: str) -> bytes:
    """Return the key that a secret of any length gives; `UsageError` for one that could be guessed."""
    if len(secret) < _DIGEST:
        raise UsageError(
            "the key of hashed columns is too short",
            expected=f"{_DIGEST} characters or more",
            hint="make one: python -c 'import secrets; print(secrets.token_hex())'",
        )
    return hashlib.blake2b(secret.encode(), digest_size=_BYTES).digest()


def own_key(place: Path) -> bytes:
    """Return the key that a project keeps in a file for itself alone; made the first time it is asked for."""
    try:
        return key_of(place.read_text().strip())
    except FileNotFoundError:
        place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f"{place.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_hex(_BYTES) + "\n")
    try:
        draft.replace(place) if not place.exists() else draft.unlink()
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return key_of(place.read_text().strip())
