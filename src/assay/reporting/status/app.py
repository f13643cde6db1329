"""The ASGI application: pages, forms, metrics, health and the API, behind one guard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from assay.errors import AssayError, InfrastructureError
from assay.reporting.status.api import api_routes
from assay.reporting.status.auth import SESSION, Guard, Guarded, form_of, guard_of, local_path, reader_of, sign_in
from assay.reporting.status.changes import end_silence, make_silence, throw_kill_switch
from assay.reporting.status.pages import Asset, Pages
from assay.reporting.status.problems import Problem, problem_response
from assay.reporting.status.source import StatusSource

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["guard_of", "status_app"]
_Answer = Callable[[Request], Awaitable[Response]] | Callable[[Request], Response]


def status_app(source: StatusSource, guard: Guard) -> ASGIApp:
    """Return the status page of a running process; `UsageError` where a template or style is missing."""
    pages = Pages(source)
    forms = _Forms(source, pages, guard)
    routes = [
        Route("/", pages.overview),
        Route("/monitors/{name}", pages.monitor),
        Route("/monitors/{name}/silence", forms.silence_monitor, methods=["POST"]),
        Route("/runbooks/{name}", pages.runbook),
        Route("/findings", pages.findings),
        Route("/drift", pages.drift),
        Route("/ledger", pages.ledger),
        Route("/alerts", pages.alerts),
        Route("/silences", pages.silences),
        Route("/silences", forms.silence, methods=["POST"]),
        Route("/silences/{number:int}/end", forms.end, methods=["POST"]),
        Route("/kill-switch", forms.switch, methods=["POST"]),
        Route("/login", forms.login, methods=["GET", "POST"]),
        Route("/logout", forms.logout, methods=["POST"]),
        Route("/live", _live(source)),
        Route("/metrics", _metrics(source)),
        Route("/healthz", lambda _: PlainTextResponse("ok\n")),
        Route("/readyz", _ready(source)),
        *(Route(f"/static/{name}", _asset(asset)) for name, asset in pages.assets.items()),
        *api_routes(source),
    ]

    def troubled(request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        if request.url.path.startswith("/api/"):
            return problem_response(problem)
        return pages.trouble(request, problem)

    handlers = dict.fromkeys((Problem, HTTPException, AssayError, Exception), troubled)
    return Guarded(Starlette(routes=routes, exception_handlers=handlers), guard)


def problem_of(error: Exception) -> Problem:
    """Return any error as what a reader is told; what is inside a surprise stays inside."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        title = {404: "There is no such page", 405: "That cannot be done here"}.get(error.status_code)
        allow = (error.headers or {}).get("Allow", "")
        return Problem(error.status_code, title or HTTPStatus(error.status_code).phrase, allow=allow)
    if isinstance(error, InfrastructureError):
        return Problem(503, error.message[:1].upper() + error.message[1:], error.hint or "")
    if isinstance(error, AssayError):
        said = [each for each in (error.where, error.seen, error.hint) if each]
        return Problem(500, error.message[:1].upper() + error.message[1:], ": ".join(said))
    return Problem(500, "The status page broke", f"{type(error).__name__}: the process's log says where.")


class _Forms:
    """What pages send; every form works without a script."""

    def __init__(self, source: StatusSource, pages: Pages, guard: Guard) -> None:
        self._source, self._pages, self._guard = source, pages, guard

    async def silence(self, request: Request) -> Response:
        """Keep monitors quiet, and show the silences."""
        fields = await form_of(request)
        try:
            await run_in_threadpool(self._make, request, fields, tuple(fields.get("monitors", "").split()))
        except Problem as problem:
            if problem.status not in (404, 422):
                raise
            return await run_in_threadpool(self._pages.silences, request, fields=fields, wrong=_sentence(problem))
        return RedirectResponse("/silences?said=made", 303)

    async def silence_monitor(self, request: Request) -> Response:
        """Keep one monitor quiet, and show it again."""
        fields = await form_of(request)
        name = request.path_params["name"]
        try:
            await run_in_threadpool(self._make, request, fields, (name,))
        except Problem as problem:
            if problem.status not in (404, 422):
                raise
            return await run_in_threadpool(self._pages.monitor, request, fields=fields, wrong=_sentence(problem))
        return RedirectResponse(f"/monitors/{quote(name, safe='')}#silence", 303)

    async def end(self, request: Request) -> Response:
        """End a silence, and show those that are left."""
        await form_of(request)
        await run_in_threadpool(end_silence, self._source, request.path_params["number"])
        return RedirectResponse("/silences?said=ended", 303)

    async def switch(self, request: Request) -> Response:
        """Throw the kill switch or put it back."""
        fields = await form_of(request)
        by = reader_of(request).name or "the status page"
        await run_in_threadpool(throw_kill_switch, self._source, fields.get("on") == "yes", by)
        return RedirectResponse("/#kill-switch", 303)

    async def login(self, request: Request) -> Response:
        """Ask for the token, and let in who knows it."""
        back = local_path(request.query_params.get("next", "/"))
        if self._guard.token is None:
            return RedirectResponse(back, 303)
        if request.method != "POST":
            return self._pages.sign_in(request, back=back)
        response = await sign_in(request, self._guard)
        return response or self._pages.sign_in(request, back=back, wrong="That is not the token.")

    async def logout(self, request: Request) -> Response:
        """Forget who signed in."""
        await form_of(request)
        response = RedirectResponse("/login", 303)
        response.delete_cookie(SESSION, httponly=True, samesite="strict", secure=self._guard.secure)
        return response

    def _make(self, request: Request, fields: Mapping[str, str], monitors: tuple[str, ...]) -> None:
        seconds = fields.get("seconds", "")
        make_silence(
            self._source,
            monitors=monitors,
            reason=fields.get("reason", ""),
            by=reader_of(request).name or fields.get("by", ""),
            seconds=float(seconds) if seconds.isdigit() and len(seconds) < 12 else 0.0,
        )


def _sentence(problem: Problem) -> str:
    return f"{problem.title}: {problem.detail}."


def _live(source: StatusSource) -> _Answer:
    def live(_: Request) -> Response:
        return JSONResponse({"version": source.recent.version})

    return live


def _metrics(source: StatusSource) -> _Answer:
    def metrics(request: Request) -> Response:
        media_type, text = source.metrics(request.headers.get("accept", ""))
        return Response(text, headers={"content-type": media_type})

    return metrics


def _ready(source: StatusSource) -> _Answer:
    def ready(_: Request) -> Response:
        problems = source.problems()
        if problems:
            return PlainTextResponse("".join(f"{line}\n" for line in problems), 503)
        return PlainTextResponse("ready\n")

    return ready


def _asset(asset: Asset) -> _Answer:
    def static(_: Request) -> Response:
        kept = {"cache-control": "public, max-age=31536000, immutable"}
        return Response(asset.body, media_type=asset.media_type, headers=kept)

    return static
