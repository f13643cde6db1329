"""RSA signatures checked with the key of an X.509 certificate, without a library for cryptography.

Follows RFC 5280, 4.1 (where a certificate holds its key), RFC 8017, 8.2.2 (PKCS #1 v1.5, verification) and X.690 (DER).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ssl
from typing import NamedTuple

# The DER of a DigestInfo that names SHA-256; RFC 8017, 9.2, note 1.
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
_SEQUENCE, _INTEGER, _BITS, _VERSION = 0x30, 0x02, 0x03, 0xA0
_LEAST_BITS = 2048


class PublicKey(NamedTuple):
    """An RSA key."""

    modulus: int
    exponent: int


def public_key(pem: str) -> PublicKey:
    """Return the RSA key of a PEM certificate. Raises `ValueError` for anything else."""
    try:
        certificate = _read(ssl.PEM_cert_to_DER_cert(pem.strip()), _SEQUENCE)[0]
        fields = _fields(_read(certificate, _SEQUENCE)[0])
        # An optional version, then serial number, algorithm, issuer, validity, subject and the key.
        tag, content = fields[6 if fields[0][0] == _VERSION else 5]
        bits = _fields(content)[1]
        if tag != _SEQUENCE or bits[0] != _BITS:
            raise ValueError("the certificate holds no key where one belongs")
        numbers = _fields(_read(bits[1][1:], _SEQUENCE)[0])
    except IndexError as error:
        raise ValueError("that is no certificate of an RSA key") from error
    if [tag for tag, _ in numbers] != [_INTEGER, _INTEGER]:
        raise ValueError("the certificate's key is not an RSA key")
    key = PublicKey(*(int.from_bytes(content) for _, content in numbers))
    if key.modulus.bit_length() < _LEAST_BITS:
        raise ValueError(f"an RSA key of {key.modulus.bit_length()} bits is too short")
    return key


def is_signed(content: bytes, signature: str, key: PublicKey) -> bool:
    """Say whether a base64 signature is the key's over this content, by SHA-256 and PKCS #1 v1.5."""
    size = (key.modulus.bit_length() + 7) // 8
    try:
        given = base64.b64decode(signature, validate=True)
    except ValueError:
        return False
    if len(given) != size or int.from_bytes(given) >= key.modulus:
        return False
    opened = pow(int.from_bytes(given), key.exponent, key.modulus).to_bytes(size)
    digest = _SHA256 + hashlib.sha256(content).digest()
    return hmac.compare_digest(opened, b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest)


def _read(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """Return the content of the first value, which must have this tag, and what follows it."""
    seen, content, rest = _value(der)
    if seen != tag:
        raise ValueError(f"expected DER tag {tag:#x}, seen {seen:#x}")
    return content, rest


def _fields(der: bytes) -> list[tuple[int, bytes]]:
    found = []
    while der:
        tag, content, der = _value(der)
        found.append((tag, content))
    return found


def _value(der: bytes) -> tuple[int, bytes, bytes]:
    tag, length, start = der[0], der[1], 2
    if length >= 0x80:  # the length is in as many bytes as the lower seven bits say
        start += length & 0x7F
        length = int.from_bytes(der[2:start])
    if start + length > len(der):
        raise ValueError("the DER ends too early")
    return tag, der[start : start + length], der[start + length :]
