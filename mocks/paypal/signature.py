"""The signature of a webhook: RSA with SHA-256 over transmission id, time, webhook id and the body's CRC-32.

Follows https://developer.paypal.com/api/rest/webhooks/rest/ (message and algorithm) and RFC 8017, 8.2 (PKCS #1 v1.5).
The key is the simulator's own, published beside this module; its certificate is served where the header says.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import zlib
from pathlib import Path
from typing import NamedTuple

import orjson

ALGORITHM = "SHA256withRSA"
CERTIFICATE_ID = "CERT-assay000-00000001-2026"
_KEY_FILE = Path(__file__).parent / "signing_key.json"
# DER of a DigestInfo that names SHA-256; RFC 8017, 9.2, note 1.
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")


class _Key(NamedTuple):
    modulus: int
    exponent: int
    primes: tuple[int, int]
    private_exponents: tuple[int, int]
    coefficient: int
    certificate: str

    @property
    def size(self) -> int:
        return (self.modulus.bit_length() + 7) // 8


def message(transmission_id: str, time: str, webhook_id: str, body: bytes) -> bytes:
    """Return what is signed for one transmission."""
    return f"{transmission_id}|{time}|{webhook_id}|{zlib.crc32(body)}".encode()


def signed(content: bytes) -> str:
    """Return the signature in base64."""
    key = _key()
    number = int.from_bytes(_padded(content, key.size))
    # By the primes, as RFC 8017, 5.1.2 has it: a quarter of the CPU of one power of the whole modulus.
    (p, q), (d_p, d_q) = key.primes, key.private_exponents
    of_p, of_q = pow(number, d_p, p), pow(number, d_q, q)
    number = of_q + (of_p - of_q) * key.coefficient % p * q
    return base64.b64encode(number.to_bytes(key.size)).decode()


def is_signed(content: bytes, signature: str) -> bool:
    """Say whether the signature is the key's own over this content."""
    key = _key()
    try:
        number = int.from_bytes(base64.b64decode(signature, validate=True))
    except ValueError:  # no base64, or no ASCII
        return False
    if number >= key.modulus:
        return False
    opened = pow(number, key.exponent, key.modulus).to_bytes(key.size)
    return hmac.compare_digest(opened, _padded(content, key.size))


def certificate() -> str:
    """Return the certificate of the key, PEM."""
    return _key().certificate


def _padded(content: bytes, size: int) -> bytes:
    digest = _SHA256 + hashlib.sha256(content).digest()
    return b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest


@functools.cache
def _key() -> _Key:
    content = orjson.loads(_KEY_FILE.read_bytes())
    return _Key(
        int(content["modulus"], 16),
        int(content["exponent"]),
        (int(content["primes"][0], 16), int(content["primes"][1], 16)),
        (int(content["private_exponents"][0], 16), int(content["private_exponents"][1], 16)),
        int(content["coefficient"], 16),
        "\n".join([*content["certificate"], ""]),
    )
