"""Refusals of the shop: what a caller of the API did wrong, in one shape."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """The request is refused: HTTP status, a stable code, a sentence, and further fields of the answer."""

    def __init__(self, status: int, code: str, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields

    def body(self) -> dict[str, Any]:
        """Return the JSON answer."""
        return {"error": {"code": self.code, "message": self.message, **self.fields}}


class Misconfigured(Exception):
    """The merchant's configuration is unusable; the message says where, what was expected and what was seen."""
