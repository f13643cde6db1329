"""The OpenAPI 3.1 document of the status API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.events import ProbeResult
from assay.reporting.status.changes import LONGEST_S
from assay.reporting.status.charts import SPANS
from assay.reporting.status.rows import STATES

PREFIX = "/api/v1"
Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_SECONDS: Schema = {"type": "number", "minimum": 0}
_INSTANT: Schema = {"type": "string", "format": "date-time"}


def document() -> Schema:
    """Return the whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Assay status",
            "version": "1",
            "description": "What the monitors of one environment say. Instants are RFC 3339 in UTC.",
        },
        "security": [{}, {"token": []}, {"session": []}],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "where monitoring.token is set"},
                "session": {"type": "apiKey", "in": "cookie", "name": "assay_session", "description": "after /login"},
            },
        },
    }


def _paths() -> Schema:
    return {**_monitors(), **_alerts()}


def _monitors() -> Schema:
    limit, monitor = _limit(1_000, 100), _parameter("name", "path", {"type": "string", "minLength": 1})
    all_of_them = _page("Monitor", complete=_FLAG, total=_COUNT)
    return {
        f"{PREFIX}/openapi.json": {"get": _read("document", "This document", {"type": "object"})},
        f"{PREFIX}/environments": {"get": _read("environments", "The one that is watched", _page("Environment"))},
        f"{PREFIX}/monitors": {
            "get": _read(
                "monitors",
                "Every monitor now, what needs a look first",
                all_of_them,
                _parameter("state", "query", {"enum": list(STATES), "type": "string"}),
                _limit(10_000, 1_000),
            )
        },
        f"{PREFIX}/monitors/{{name}}": {"get": _read("monitor", "One monitor now", _ref("Monitor"), monitor)},
        f"{PREFIX}/monitors/{{name}}/history": {
            "get": _read(
                "history",
                "Runs of a monitor, the latest first",
                _page("Run", complete=_FLAG, next=_maybe(_TEXT)),
                monitor,
                limit,
                _parameter("since", "query", _INSTANT),
                _parameter("until", "query", _INSTANT),
                _parameter("only_bad", "query", _FLAG, "only runs that did not pass"),
                _parameter(
                    "cursor",
                    "query",
                    {"type": "string", "pattern": "^[0-9]{1,16}-[0-9]{1,10}$"},
                    "'next' of the page before",
                ),
            )
        },
        f"{PREFIX}/monitors/{{name}}/hours": {
            "get": _read(
                "hours",
                "Verdicts and latency over a span",
                _page("Bucket"),
                monitor,
                _parameter("span", "query", {"type": "string", "enum": [span.key for span in SPANS]}),
            )
        },
        f"{PREFIX}/findings": {
            "get": _read("findings", "What oracles found in 7 days", _page("Group", complete=_FLAG), limit)
        },
    }


def _alerts() -> Schema:
    return {
        f"{PREFIX}/alerts": {
            "get": _read("alerts", "Alerts that are not well", _page("Alert", undeliverable=_list(_TEXT)))
        },
        f"{PREFIX}/deliveries": {
            "get": _read("deliveries", "What was told lately, and is to be", _page("Delivery"), _limit(200, 100))
        },
        f"{PREFIX}/silences": {
            "get": _read("silences", "The silences that hold", _page("Silence")),
            "post": _linked(
                _change("silence", "Keep monitors quiet", "201", _ref("Silence"), _ref("NewSilence"), absent=True)
            ),
        },
        f"{PREFIX}/silences/{{number}}": {
            "delete": _operation(
                "unsilence",
                "End a silence",
                {"204": {"description": "ended"}},
                _parameter("number", "path", {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}),
                failures=("403", "404", "503"),
            )
        },
        f"{PREFIX}/ledger": {"get": _read("ledger", "What is still to be undone", _page("Intent"))},
        f"{PREFIX}/kill-switch": {
            "get": _read("kill_switch", "Whether nothing may be created", _ref("KillSwitch")),
            "post": _change(
                "throw_kill_switch", "Throw it or put it back", "200", _ref("KillSwitch"), _ref("NewKillSwitch")
            ),
        },
    }


def _schemas() -> Mapping[str, Schema]:
    state = {"type": "string", "enum": list(STATES)}
    return {
        "Environment": _object(
            name=_TEXT, location=_TEXT, started_at=_INSTANT, now=_INSTANT, problems=_list(_TEXT), kill_switch=_FLAG,
            store_away_since=_maybe(_INSTANT), monitors=_object(**dict.fromkeys(STATES, _COUNT)),
        ),
        "Monitor": _object(
            name=_TEXT, title=_TEXT, state=state, since=_maybe(_INSTANT), severity=_TEXT, told=_FLAG, flapping=_FLAG,
            quiet=_TEXT, suppressed_by=_maybe(_TEXT), summary=_TEXT, next_due=_maybe(_INSTANT),
            last_run=_either("Run"), declared=_either("Declared"),
        ),
        "Declared": _object(
            owner=_TEXT, runs=_TEXT, interval_s=_maybe(_SECONDS), cron=_maybe(_TEXT), timeout_s=_SECONDS,
            location=_maybe(_TEXT), systems=_list(_TEXT), customers=_TEXT, runbook=_TEXT, availability=_SECONDS,
            latency_s=_maybe(_SECONDS),
        ),
        "Run": _object(
            monitor=_TEXT, result={"type": "string", "enum": [str(each) for each in ProbeResult]}, due_at=_INSTANT,
            location=_TEXT, delay_s=_SECONDS, took_s=_SECONDS, findings=_list(_ref("Finding")),
            steps=_list(_object(name=_TEXT, seconds=_SECONDS, error=_maybe(_TEXT))), trouble=_list(_TEXT),
            unreachable=_list(_TEXT), orders=_list(_TEXT), measures=_list(_ref("Measure")), stack=_maybe(_TEXT),
            run_id=_maybe(_TEXT), trace_id=_maybe(_TEXT),
        ),
        "Measure": _object(
            name=_TEXT, value={"type": "number"}, labels={"type": "object", "additionalProperties": _TEXT}
        ),
        "Finding": _object(
            oracle=_TEXT, order=_TEXT, systems=_list(_TEXT), expected=_TEXT, seen=_TEXT, formula=_TEXT, cause=_TEXT,
            at_risk=_either("Money"), evidence=_list(_TEXT),
        ),
        "Group": _object(
            monitor=_TEXT, finding=_ref("Finding"), count=_COUNT, first=_INSTANT, last=_INSTANT, is_open=_FLAG,
            at_risk=_list(_ref("Money")), orders=_list(_TEXT), more_orders=_COUNT,
        ),
        **_schemas_of_alerts(state),
        "Bucket": _object(
            start=_INSTANT, end=_INSTANT, passed=_COUNT, failed=_COUNT, unjudged=_COUNT, p50_s=_maybe(_SECONDS),
            p95_s=_maybe(_SECONDS), slowest_s=_maybe(_SECONDS),
        ),
    }  # fmt: skip


def _schemas_of_alerts(state: Schema) -> Mapping[str, Schema]:
    silence = {"monitors": _list(_TEXT), "reason": _TEXT, "by": _TEXT}
    return {
        "Alert": _object(
            name=_TEXT, monitor=_maybe(_TEXT), state=state, since=_INSTANT, severity=_TEXT, told=_FLAG, flapping=_FLAG,
            suppressed_by=_maybe(_TEXT), children=_list(_TEXT), quiet=_TEXT, summary=_TEXT,
        ),
        "Delivery": _object(
            number=_COUNT, alert=_TEXT, route=_TEXT, kind=_TEXT, subject=_TEXT, state=_TEXT, tries=_COUNT,
            created_at=_INSTANT, next_at=_maybe(_INSTANT), said=_TEXT,
        ),
        "Silence": _object(number=_COUNT, created_at=_INSTANT, until=_INSTANT, **silence),
        "NewSilence": _new_silence(),
        "Intent": _object(
            number=_COUNT, state=_TEXT, system=_TEXT, kind=_TEXT, ref=_maybe(_TEXT), marker=_TEXT, verb=_TEXT,
            run_id=_TEXT, created_at=_INSTANT, note=_TEXT,
        ),
        "KillSwitch": _object(on=_FLAG, where=_TEXT, can_change=_FLAG),
        "NewKillSwitch": _object(on=_FLAG),
        "Money": _object(amount=_TEXT, minor={"type": "integer"}, currency=_TEXT),
        "Problem": {
            "type": "object",
            "description": "RFC 9457",
            "required": ["type", "title", "status"],
            "properties": {
                "type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT,
                "errors": _list(_object(field=_TEXT, expected=_TEXT)),
            },
        },
    }  # fmt: skip


def _new_silence() -> Schema:
    names = {"type": "string", "minLength": 1, "maxLength": 128, "description": "a name; * stands for any letters"}
    said = {"type": "string", "minLength": 1, "pattern": r"\S"}
    new = _object(
        monitors={"type": "array", "items": names, "minItems": 1, "maxItems": 100},
        reason={**said, "maxLength": 500},
        by={**said, "maxLength": 128, "description": "who asks; the proxy's user where it names one"},
        seconds={"type": "integer", "minimum": 1, "maximum": LONGEST_S},
    )
    return {**new, "required": ["monitors", "reason", "seconds"]}


def _read(name: str, summary: str, answer: Schema, *parameters: Schema) -> Schema:
    answers = {"200": {"description": "as asked", "content": {"application/json": {"schema": answer}}}}
    failures = ["503"]
    if any(each["in"] == "path" for each in parameters):
        failures.insert(0, "404")
    if any(each["in"] == "query" for each in parameters):
        failures.insert(0, "400")
    return _operation(name, summary, answers, *parameters, failures=tuple(failures))


def _change(name: str, summary: str, status: str, answer: Schema, body: Schema, *, absent: bool = False) -> Schema:
    answers = {status: {"description": "done", "content": {"application/json": {"schema": answer}}}}
    failures = ("400", "403", *(("404",) if absent else ()), "409", "413", "415", "422", "503")
    operation = _operation(name, summary, answers, failures=failures)
    operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def _linked(operation: Schema) -> Schema:
    ended = {"operationId": "unsilence", "parameters": {"number": "$response.body#/number"}}
    operation["responses"]["201"]["links"] = {"end": ended}
    return operation


def _operation(
    name: str, summary: str, answers: Mapping[str, Schema], *parameters: Schema, failures: tuple[str, ...]
) -> Schema:
    problem = {"application/problem+json": {"schema": _ref("Problem")}}
    refused = {status: {"description": _WHY[status], "content": problem} for status in (*failures, "401", "421")}
    operation: Schema = {"operationId": name, "summary": summary, "responses": {**answers, **refused}}
    if parameters:
        operation["parameters"] = list(parameters)
    return operation


_WHY = {
    "400": "a parameter or the body cannot be understood",
    "401": "a token is needed",
    "403": "asked for by a page of another site",
    "404": "there is none",
    "409": "this process cannot change it",
    "413": "the body is too large",
    "415": "the body is no JSON",
    "421": "called by a name that is not ours",
    "422": "a field is wrong",
    "503": "the store is away",
}


def _parameter(name: str, place: str, schema: Schema, description: str = "") -> Schema:
    said = {"description": description} if description else {}
    return {"name": name, "in": place, "required": place == "path", "schema": schema, **said}


def _limit(most: int, usual: int) -> Schema:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
    return _parameter("limit", "query", schema, "how many at most")


def _page(item: str, **more: Schema) -> Schema:
    return _object(items=_list(_ref(item)), **more)


def _object(**properties: Schema) -> Schema:
    return {
        "type": "object", "required": list(properties), "properties": properties, "additionalProperties": False
    }  # fmt: skip


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _either(name: str) -> Schema:
    return {"anyOf": [_ref(name), {"type": "null"}]}


def _maybe(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}
