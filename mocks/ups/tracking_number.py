"""1Z tracking numbers: how they are put together, and their check digit."""

from __future__ import annotations

_SEQUENCE_SPACE = 10_000_000


def check_digit(body: str) -> int:
    """Return the check digit of the fifteen characters after ``1Z``.

    A letter counts as its place in the alphabet plus one, modulo ten; every second character counts twice.
    """
    total = 0
    for place, character in enumerate(body):
        value = int(character) if character.isdigit() else (ord(character) - 63) % 10
        total += value * (2 if place % 2 else 1)
    return -total % 10


def is_tracking_number(number: str) -> bool:
    """Say whether it is a complete 1Z number with the right check digit."""
    if len(number) != 18 or not number.startswith("1Z"):
        return False
    body, last = number[2:17], number[17]
    if not (body.isascii() and body.isalnum() and body == body.upper() and last.isdigit() and last.isascii()):
        return False
    return check_digit(body) == int(last)


def tracking_number(shipper_number: str, service_code: str, sequence: int) -> str:
    """Return a parcel's number: six characters of account, two of service, seven of sequence, a check digit."""
    body = f"{shipper_number}{service_code}{sequence % _SEQUENCE_SPACE:07d}"
    return f"1Z{body}{check_digit(body)}"
