"""Frankfurter, the free API of central banks' exchange rates: version 1 and version 2 on one host."""

from __future__ import annotations

from assay.simkit import Answer, Call, Failure, Route, Simulator
from mocks.frankfurter import v1, v2
from mocks.frankfurter.feed import JSON, Feed, cached

_TEXTS = {404: "not found", 405: "not found", 429: "too many requests"}


def root(feed: Feed, call: Call) -> Answer:
    """Answer what the service is and which versions it has."""
    versions = {"v1": {"path": "/v1"}, "v2": {"path": "/v2"}}
    return cached(call, {"name": "Frankfurter", "versions": versions, "docs": "https://frankfurter.dev"}, 900)


def failed(failure: Failure) -> Answer:
    """Answer a failure as the service does: a status and a message; a method it does not know is not found, too."""
    status = 404 if failure.status == 405 else failure.status
    message = _TEXTS.get(failure.status, failure.message)
    return Answer({"status": status, "message": message}, status, media_type=JSON)


SIMULATOR = Simulator(
    vendor="frankfurter",
    title="Frankfurter, exchange rates of central banks",
    hosts=("api.frankfurter.dev",),
    state=Feed,
    routes=(
        Route("GET", "/", root),
        Route("GET", "/v1/latest", v1.latest),
        Route("GET", "/v1/currencies", v1.currencies),
        Route("GET", "/v1/{when}", v1.named),
        Route("GET", "/v2/rates", v2.rates),
        Route("GET", "/v2/rate/{base}/{quote}", v2.rate),
        Route("GET", "/v2/currencies", v2.currencies),
        Route("GET", "/v2/currency/{code}", v2.currency),
        Route("GET", "/v2/providers", v2.providers),
    ),
    error=failed,
    settings=("frozen_at", "late_s", "drop", "devalued", "jump", "inverse", "digits"),
    sources=(
        "https://api.frankfurter.dev/v1/openapi.json",
        "https://api.frankfurter.dev/v2/openapi.json",
        "https://frankfurter.dev",
        "https://github.com/lineofflight/frankfurter",
    ),
    not_faked=(
        "providers beside the ECB, and so blends, excluded outliers, pegged currencies, KWD",
        "rates before 2016, and currencies that ended before 2025 (HRK, RUB)",
        "CSV (/v2/rates.csv), the MCP server, the web page",
        "version 2's carrying forward of a currency's last rate after its publication ended",
        "the minutes between a publication of the ECB and its arrival here (late_s stands for them)",
    ),
)
