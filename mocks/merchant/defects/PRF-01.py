"""PRF-01: 429 is answered by immediate retries until the caller is blocked.

Retry-After is ignored. Seen in amzn/selling-partner-api-docs#2132 and saleweaver/python-amazon-sp-api#145.
"""


def retry_wait_s(status: int, retry_after: str | None, attempt: int) -> float | None:
    """Try again at once."""
    return 0.0 if status in (429, 503) else None


SEAMS = {"retry_wait_s": retry_wait_s}
WAITS_FOR = "O-L1: honouring Retry-After (load)"
