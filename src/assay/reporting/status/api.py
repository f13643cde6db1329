"""The JSON API under /api/v1: what the pages show, for other programs; errors are problem details (RFC 9457).

Every call is one function of `_Api`; `assay.reporting.status.openapi` documents each, and a test holds both together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assay.reporting.status import shapes
from assay.reporting.status.auth import body_of, reader_of
from assay.reporting.status.changes import LONGEST_S, end_silence, make_silence, throw_kill_switch
from assay.reporting.status.charts import SPANS, buckets_of
from assay.reporting.status.findings import groups_of
from assay.reporting.status.openapi import PREFIX, document
from assay.reporting.status.problems import Problem, Wrong
from assay.reporting.status.reading import Reading
from assay.reporting.status.rows import Row, alerts_of, row_for, rows_of
from assay.reporting.status.source import StatusSource

_MOST_NUMBER = 2**31 - 1
_CURSOR = re.compile(r"[0-9]{1,16}-[0-9]{1,10}", re.ASCII)
_OLDEST, _LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


def api_routes(source: StatusSource) -> list[Route]:
    """Return the routes of the API."""
    api = _Api(source)
    return [
        Route(f"{PREFIX}/openapi.json", api.openapi),
        Route(f"{PREFIX}/environments", api.environments),
        Route(f"{PREFIX}/monitors", api.monitors),
        Route(f"{PREFIX}/monitors/{{name}}", api.monitor),
        Route(f"{PREFIX}/monitors/{{name}}/history", api.history),
        Route(f"{PREFIX}/monitors/{{name}}/hours", api.hours),
        Route(f"{PREFIX}/findings", api.findings),
        Route(f"{PREFIX}/alerts", api.alerts),
        Route(f"{PREFIX}/deliveries", api.deliveries),
        Route(f"{PREFIX}/silences", api.silences, methods=["GET", "POST"]),
        Route(f"{PREFIX}/silences/{{number}}", api.silence, methods=["DELETE"]),
        Route(f"{PREFIX}/ledger", api.ledger),
        Route(f"{PREFIX}/kill-switch", api.kill_switch, methods=["GET", "POST"]),
    ]


class _Api:
    """The calls. Those that change something read their body first and then leave the event loop."""

    def __init__(self, source: StatusSource) -> None:
        self._source = source

    def openapi(self, _: Request) -> Response:
        """Answer with what documents this API."""
        return _json(document())

    def environments(self, _: Request) -> Response:
        """Answer with the environment this process watches."""
        reading = Reading(self._source)
        rows = rows_of(reading)
        return _json({"items": [shapes.environment(reading, rows)]})

    def monitors(self, request: Request) -> Response:
        """Answer with every monitor now, what needs a look first."""
        reading = Reading(self._source)
        state = _choice(request, "state", ("failing", "unknown", "degraded", "waiting", "passing"))
        limit = _limit(request, most=10_000, usual=1_000)
        rows = [row for row in rows_of(reading) if state in (None, row.state)]
        items = [shapes.monitor(row) for row in rows[:limit]]
        return _json({"items": items, "complete": reading.away_since is None, "total": len(rows)})

    def monitor(self, request: Request) -> Response:
        """Answer with one monitor now."""
        return _json(shapes.monitor(self._row(Reading(self._source), request)))

    def history(self, request: Request) -> Response:
        """Answer with runs of a monitor, the latest first, a page at a time."""
        reading = Reading(self._source)
        limit, only_bad = _limit(request), _choice(request, "only_bad", ("true", "false")) == "true"
        since, until = _instant(request, "since"), _instant(request, "until")
        cursor = _cursor(request)
        row = self._row(reading, request)
        until = until or reading.now + timedelta(days=1)
        if cursor is not None:
            until = min(until, cursor[0] + timedelta(microseconds=1))
        # A run at each location may share the instant the last page ended at: those told already are dropped.
        runs = reading.runs(
            row.name, since=since or _OLDEST, until=until, limit=limit + 1 + (64 if cursor else 0), only_bad=only_bad
        )
        if cursor is not None:
            runs = [run for run in runs if (run.due_at, run.number) < cursor]
        more = len(runs) > limit
        last = runs[limit - 1] if more else None
        following = f"{round(last.due_at.timestamp() * 1_000_000)}-{last.number}" if last else None
        items = [shapes.run(run) for run in runs[:limit]]
        return _json({"items": items, "next": following, "complete": reading.away_since is None})

    def hours(self, request: Request) -> Response:
        """Answer with verdicts and latency of a monitor over a span, bar by bar."""
        reading = Reading(self._source)
        key = _choice(request, "span", tuple(span.key for span in SPANS)) or SPANS[0].key
        span = next(each for each in SPANS if each.key == key)
        row = self._row(reading, request)
        hours = reading.hours(row.name, since=span.begin(reading.now), until=reading.now + timedelta(hours=1))
        _needs_store(reading)
        return _json({"items": [shapes.bucket(each) for each in buckets_of(hours, span, reading.now)]})

    def findings(self, request: Request) -> Response:
        """Answer with what oracles found in the last 7 days, the same as one."""
        reading = Reading(self._source)
        limit = _limit(request, most=1_000)
        items = [shapes.group(each) for each in groups_of(reading)[:limit]]
        return _json({"items": items, "complete": reading.away_since is None})

    def alerts(self, _: Request) -> Response:
        """Answer with every alert that is not well, those told first."""
        lines = alerts_of(Reading(self._source))
        return _json({
            "items": [shapes.alert(line) for line in lines],
            "undeliverable": list(self._source.undeliverable()),
        })  # fmt: skip

    def deliveries(self, request: Request) -> Response:
        """Answer with what was told lately and what still is to be."""
        reading = Reading(self._source)
        limit = _limit(request, most=200)
        items = [shapes.delivery(each) for each in reading.deliveries()[:limit]]
        _needs_store(reading)
        return _json({"items": items})

    async def silences(self, request: Request) -> Response:
        """Answer with the silences that hold; or make one."""
        if request.method == "POST":
            body = await _body(request, {"monitors", "reason", "by", "seconds"}, {"monitors", "reason", "seconds"})
            return await run_in_threadpool(self._silence, body, reader_of(request).name)
        return await run_in_threadpool(self._silences)

    async def silence(self, request: Request) -> Response:
        """End a silence."""
        number = request.path_params["number"]
        if not (number.isascii() and number.isdigit() and len(number) < 11 and int(number) <= _MOST_NUMBER):
            raise Problem(404, "There is no such silence", "A silence has a number.")
        await run_in_threadpool(end_silence, self._source, int(number))
        return Response(status_code=204)

    def ledger(self, _: Request) -> Response:
        """Answer with what is still to be undone, and what cannot be."""
        reading = Reading(self._source)
        items = [shapes.intent(each) for each in reading.intents()[:1_000]]
        _needs_store(reading)
        return _json({"items": items})

    async def kill_switch(self, request: Request) -> Response:
        """Answer whether the kill switch is thrown; or throw it, or put it back."""
        if request.method == "POST":
            body = await _body(request, {"on"}, {"on"})
            if not isinstance(body["on"], bool):
                raise _bad(422, Wrong("on", "true or false"))
            by = reader_of(request).name or "the API"
            await run_in_threadpool(throw_kill_switch, self._source, body["on"], by)
        return _json(shapes.kill_switch(await run_in_threadpool(self._source.kill_switch)))

    def _silences(self) -> Response:
        reading = Reading(self._source)
        items = [shapes.silence(line) for line in reading.silences()]
        _needs_store(reading)
        return _json({"items": items})

    def _silence(self, body: Mapping[str, Any], user: str) -> Response:
        monitors, seconds = body["monitors"], body["seconds"]
        by = user or body.get("by", "the API")
        wrong = []
        if not isinstance(monitors, list) or not all(isinstance(each, str) for each in monitors):
            wrong.append(Wrong("monitors", "a list of names"))
        for name, text in (("reason", body["reason"]), ("by", by)):
            if not isinstance(text, str):
                wrong.append(Wrong(name, "a text"))
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds != seconds // 1:
            wrong.append(Wrong("seconds", f"a whole number from 1 to {LONGEST_S}"))
        if wrong:
            raise _bad(422, *wrong)
        number = make_silence(self._source, monitors=tuple(monitors), reason=body["reason"], by=by, seconds=seconds)
        line = next((each for each in Reading(self._source).silences() if each.number == number), None)
        if line is None:
            raise Problem(503, "The silence was made and cannot be read back", "Ask for the list of silences.")
        return _json(shapes.silence(line), 201)

    def _row(self, reading: Reading, request: Request) -> Row:
        row = row_for(reading, request.path_params["name"])
        if row is None:
            raise Problem(404, "There is no such monitor", f"{PREFIX}/monitors lists those there are.")
        return row


def _json(body: object, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")


def _needs_store(reading: Reading) -> None:
    if reading.away_since is not None:
        raise Problem(503, "The store is away", f"Since {reading.away_since.isoformat()}; try again in a minute.")


def _bad(status: int, *wrong: Wrong) -> Problem:
    said = "; ".join(f"{each.field}: expected {each.expected}" for each in wrong)
    return Problem(status, "That cannot be understood", said, wrong=wrong)


async def _body(request: Request, known: set[str], needed: set[str]) -> Mapping[str, Any]:
    """Return a JSON object with these keys alone; a type of its own keeps forms of other sites out."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, "The body is JSON here", "Send it with the header Content-Type: application/json.")
    try:
        body = orjson.loads(await body_of(request))
    except orjson.JSONDecodeError as error:
        raise Problem(400, "The body is no JSON", str(error)) from None
    if not isinstance(body, dict):
        raise _bad(422, Wrong("body", "an object"))
    wrong = [Wrong(name, "nothing: there is no such field") for name in sorted(set(body) - known)]
    wrong += [Wrong(name, "something: it is missing") for name in sorted(needed - set(body))]
    if wrong:
        raise _bad(422, *wrong)
    return body


def _limit(request: Request, *, most: int = 1_000, usual: int = 100) -> int:
    text = request.query_params.get("limit")
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 8 and 1 <= int(text) <= most):
        raise _bad(400, Wrong("limit", f"a whole number from 1 to {most}"))
    return int(text)


def _choice(request: Request, name: str, choices: tuple[str, ...]) -> str | None:
    text = request.query_params.get(name)
    if text is not None and text not in choices:
        raise _bad(400, Wrong(name, f"one of {', '.join(choices)}"))
    return text


def _instant(request: Request, name: str) -> datetime | None:
    """Return an instant of RFC 3339, kept within what a store can hold."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        # A plus that was not escaped arrives as a space.
        at = datetime.fromisoformat(text.replace(" ", "+") if " " in text[19:] else text)
        if at.tzinfo is None or "T" not in text.upper():
            raise ValueError
    except ValueError:
        raise _bad(400, Wrong(name, "an instant with its offset, such as 2026-03-01T12:00:00Z")) from None
    if not _OLDEST.year < at.year < _LATEST.year:
        return _OLDEST if at.year <= _OLDEST.year else _LATEST
    return at.astimezone(UTC)


def _cursor(request: Request) -> tuple[datetime, int] | None:
    text = request.query_params.get("cursor")
    if text is None:
        return None
    if not _CURSOR.fullmatch(text):
        raise _bad(400, Wrong("cursor", "what 'next' of the page before said"))
    us, _, number = text.partition("-")
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(us)), int(number)
