"""The Frankfurter simulator's answers against both documents Frankfurter publishes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conformance.openapi_judge import OpenApiJudge, spec_file
from tests.mocks.conftest import SimulatedClock

ASKED = (
    "/v1/latest",
    "/v1/latest?base=USD",
    "/v1/latest?base=IDR",
    "/v1/latest?base=GBP&symbols=IDR,JPY&amount=1920",
    "/v1/2025-12-30?symbols=BGN,USD",
    "/v1/2026-01-31..2026-02-10?base=JPY",
    "/v1/2026-02-25..",
    "/v1/latest?symbols=KWD",
    "/v1/currencies",
    "/v2/rates",
    "/v2/rates?base=IDR",
    "/v2/rates?providers=ECB&expand=providers",
    "/v2/rates?from=2025-12-29&to=2026-01-05",
    "/v2/rates?from=2025-06-01&group=month&base=TRY",
    "/v2/rates?base=QQQ",
    "/v2/rate/EUR/USD",
    "/v2/rate/EUR/KWD",
    "/v2/currency/CHF",
    "/v2/currency/QQQ",
    "/v2/currencies?scope=all",
    "/v2/providers",
)


@pytest.fixture
def url(serve_simulator: Callable[..., str], sim_clock: SimulatedClock) -> str:
    """The service on a Monday evening."""
    sim_clock.set(datetime(2026, 3, 2, 18, 0, tzinfo=UTC))
    return serve_simulator("frankfurter", seed=5)


@pytest.fixture
def judges(tmp_path: Path) -> tuple[OpenApiJudge, OpenApiJudge]:
    """A judge of all paths but periods, and one of periods: a day's template would match these, too."""
    version_1 = json.loads(spec_file("frankfurter/v1-openapi.json").read_text())
    periods = {path: item for path, item in version_1["paths"].items() if path.endswith("..{end_date}")}
    document = tmp_path / "periods.json"
    # The judge reads JSON as YAML, which knows no number written 1e-05.
    document.write_text(json.dumps({**version_1, "paths": periods}).replace("1e-05", "0.00001"))
    both = OpenApiJudge(spec_file("frankfurter/v1-openapi.json"), spec_file("frankfurter/v2-openapi.json"))
    return both, OpenApiJudge(document)


def test_every_answer_is_one_of_the_documents(url: str, judges: tuple[OpenApiJudge, OpenApiJudge]) -> None:
    """Each operation of both versions answers as its document says, refusals included; none is left out."""
    seen = set()
    with httpx.Client(base_url=url, trust_env=False) as client:
        answers = {asked: client.get(asked) for asked in ASKED}
    for asked, answer in answers.items():
        path = urlsplit(asked).path
        judge = judges[".." in path]
        # A period without an end has a template of its own, whose answers are the same.
        verdict = judge.judge("GET", path + "today" * path.endswith(".."), answer.status_code, answer.text)
        assert verdict.documented, asked
        assert not verdict.problem, f"{asked}: {verdict.problem}"
        seen.add(verdict.operation)
    assert seen == {
        "GET /v1/latest", "GET /v1/{date}", "GET /v1/{start_date}..{end_date}", "GET /v1/currencies",
        "GET /v2/rates", "GET /v2/rate/{base}/{quote}", "GET /v2/currency/{code}", "GET /v2/currencies",
        "GET /v2/providers",
    }  # fmt: skip
