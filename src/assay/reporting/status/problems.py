"""Errors of the status page and its API as problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from starlette.responses import JSONResponse


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with one field or parameter: its name, what was expected, and what to do."""

    field: str
    expected: str


class Problem(Exception):
    """A request that cannot be served: `title` says what, `detail` what to do about it."""

    def __init__(
        self, status: int, title: str, detail: str = "", *, wrong: Sequence[Wrong] = (), allow: str = ""
    ) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail
        self.wrong = tuple(wrong)
        self.allow = allow


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return a problem as ``application/problem+json``."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": problem.title or HTTPStatus(problem.status).phrase,
        "status": problem.status,
    }
    if problem.detail:
        body["detail"] = problem.detail
    if problem.wrong:
        body["errors"] = [{"field": each.field, "expected": each.expected} for each in problem.wrong]
    sent = {**(headers or {}), **({"Allow": problem.allow} if problem.allow else {})}
    return JSONResponse(body, problem.status, headers=sent, media_type="application/problem+json")
