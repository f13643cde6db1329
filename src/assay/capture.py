"""One exchange as it was, kept only until it is known whether it is worth masking.

Separate from the HTTP client because those who keep exchanges need this of it and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NoReturn

from assay.events import Exchange
from assay.masking import mask_body, mask_headers, mask_text, mask_url
from assay.roles import Reply


class Capture:
    """One request and what came of it, as it was, secrets included; `masked` gives what may be kept or shown.

    Masking costs more than noting, so whoever keeps one exchange in many pays for that one alone. A capture never
    leaves the process: it shows nothing of what was said, and cannot be copied or pickled.
    """

    __slots__ = ("_content", "_elapsed_s", "_error", "_headers", "_reply", "_started_at", "_trace_id", "_url", "method",
                 "system")  # fmt: skip

    def __init__(
        self,
        system: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes,
        reply: Reply | None,
        started_at: datetime,
        elapsed_s: float,
        trace_id: str | None,
        error: str | None,
    ) -> None:
        self.system = system
        self.method = method
        self._url = url
        self._headers = headers
        self._content = content
        self._reply = reply
        self._started_at = started_at
        self._elapsed_s = elapsed_s
        self._trace_id = trace_id
        self._error = error

    def __repr__(self) -> str:
        return f"<Capture of {self.method} to {self.system}, not masked>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a capture holds secrets and stays in its process; keep what masked() gives")

    @property
    def status(self) -> int | None:
        """The status that came back, None where nothing did."""
        return self._reply.status if self._reply else None

    @property
    def size(self) -> int:
        """How many bytes the answer's body has."""
        return len(self._reply.body) if self._reply else 0

    def masked(self) -> Exchange:
        """Return the exchange with secrets, card numbers and card checks replaced."""
        reply, answered = self._reply, self._reply.headers if self._reply else {}
        return Exchange(
            system=self.system,
            method=self.method,
            url=mask_url(self._url),
            request_headers=mask_headers(self._headers),
            request_body=mask_body(self._content, self._headers.get("content-type", "")),
            status=reply.status if reply else None,
            response_headers=mask_headers(answered),
            response_body=mask_body(reply.body, answered.get("content-type", "")) if reply else "",
            started_at=self._started_at,
            seconds=self._elapsed_s,
            trace_id=self._trace_id,
            error=mask_text(self._error) if self._error else self._error,
        )
