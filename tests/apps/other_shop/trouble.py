"""What can go wrong: the caller's mistakes, a vendor's refusal, and an answer that never came."""

from __future__ import annotations


class Refusal(Exception):
    """The caller asked for something the shop does not do; the code is part of the API."""

    def __init__(self, code: str, message: str, **details: str | int) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class VendorTrouble(Exception):
    """A vendor did not do what it was asked to."""


class VendorRefused(VendorTrouble):
    """The vendor understood and said no: asking again changes nothing."""

    def __init__(self, vendor: str, message: str, *, code: str = "") -> None:
        super().__init__(f"{vendor}: {message}")
        self.code = code


class VendorUnclear(VendorTrouble):
    """Nobody knows whether the vendor did it: ask again later, after `wait_s` seconds if the vendor named them."""

    def __init__(self, vendor: str, message: str, *, wait_s: float = 0) -> None:
        super().__init__(f"{vendor}: {message}")
        self.wait_s = wait_s
