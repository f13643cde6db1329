"""schemathesis, set as we want it: the only module that imports it, so that nobody else needs it installed.

Ours differs from `st run` in what it must not do: no undocumented methods, which other people's systems would get; no
refusal of valid data counted as a fault, since what a business forbids no schema can say; nothing kept on disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from assay.errors import InfrastructureError, UsageError
from assay.runners.conformance.document import Asked
from assay.runners.conformance.tally import Tally
from assay.runners.conformance.twin import Twin

try:
    import schemathesis
    from hypothesis.internal.conjecture import providers
    from schemathesis.auths import AuthContext
    from schemathesis.checks import CHECKS, load_all_checks
    from schemathesis.config import SanitizationConfig, SchemathesisConfig
    from schemathesis.config._output import MAX_RECORDED_PAYLOAD_SIZE as _RECORDED
    from schemathesis.core.failures import AcceptedNegativeData, Failure, FailureGroup
    from schemathesis.core.parameters import ParameterLocation
    from schemathesis.engine import events, from_schema
    from schemathesis.engine.recorder import ScenarioRecorder
    from schemathesis.transport.prepare import prepare_request
except ImportError as error:  # pragma: no cover - the extra is installed where tests run
    raise UsageError(
        "schemathesis is not installed",
        where="assay contracts check",
        seen=str(error),
        hint="pip install 'assay[contracts]'",
    ) from None

HeadersFor = Callable[[str, str], Mapping[str, str]]
"""Gives the headers by which a system knows a call: (method, path on the wire) → headers."""
_OF_ANSWERS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
_UNKNOWN = "0000000000unknown"
_OF_BEHAVIOUR = ("ignored_auth", "negative_data_rejection", "use_after_free", "ensure_resource_availability")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """How requests are made up. per_second: the vendor's rate budget, None for a simulator of ours."""

    examples: int
    seed: int
    per_second: float | None = None
    stateful: bool = True


def configuration(base_url: str, preset: Preset) -> dict[str, Any]:
    """Return the settings as schemathesis.toml would hold them."""
    load_all_checks()
    checks: dict[str, dict[str, Any]] = {
        name: {"enabled": name in (*_OF_ANSWERS, *_OF_BEHAVIOUR)} for name in CHECKS.get_all_names()
    }
    checks["negative_data_rejection"]["expected-statuses"] = ["4xx", "5xx"]  # whichever refusal comes first
    settings: dict[str, Any] = {
        "seed": preset.seed,
        "base-url": base_url,
        "generation": {"max-examples": preset.examples, "no-shrink": True, "database": "none"},
        "phases": {
            "coverage": {"unexpected-methods": []},
            "stateful": {"enabled": preset.stateful, "max-steps": 4},
        },
        "checks": checks,
        # What was learned by another run, or how busy the machine is, must not change what is asked.
        "cache": {"enabled": False},
        "suppress-health-check": ["too_slow"],
        "request-timeout": 30,
        "workers": 1,
    }
    if preset.per_second is not None:
        settings["rate-limit"] = _per_period(preset.per_second)
    return settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that was worked out, by the operation's name in the document: `GET /v1/customers/{customer}`.

    headers given here win over those of the connector; an empty one is not sent at all. body: bytes are sent as they
    are, all else as its media type is written; None sends none.
    """

    operation: str
    path: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """One request as it will be sent: its body in bytes, and how that is written. repeat: a curl line of it."""

    case: Any
    media: str
    body: bytes

    @property
    def repeat(self) -> str:
        """A curl line that repeats it."""
        return str(self.case.as_curl_command())


class Asker:
    """One system, ready to be asked by its contract. after: who asked it before in the same check."""

    def __init__(
        self,
        asked: Asked,
        base_url: str,
        headers_for: HeadersFor,
        preset: Preset,
        tally: Tally,
        twin: Twin,
        *,
        after: Asker | None = None,
    ) -> None:
        self._tally = tally
        self._twin = twin
        self._headers_for = _spelled(headers_for, asked.content)
        self._documented = {name: frozenset(each.get("responses", ())) for name, each in asked.operations()}
        self._cases: dict[str, tuple[int, Any]] = {}
        config = SchemathesisConfig.from_dict(configuration(base_url, preset))
        self._schema = schemathesis.openapi.from_dict(asked.content, config=config)
        self._schema.auth(refresh_interval=None)(_provider(self._headers_for))
        self._schema.hook("filter_failure")(_filter(twin))
        # One digest of all that was made up, by whichever of the two it was sent.
        self._drawn: Any = hashlib.sha256() if after is None else after._drawn

    @property
    def drawn(self) -> str:
        """A short digest of the paths, queries and bodies made up and sent, in order: equal where all of them are."""
        return str(self._drawn.hexdigest())[:12]

    def generate(self) -> None:
        """Send everything schemathesis makes up and count what came of it; `InfrastructureError` when it cannot."""
        with _by_the_seed_alone():
            self._execute()

    def _execute(self) -> None:
        for event in from_schema(self._schema).execute():
            if isinstance(event, events.ScenarioFinished):
                self._count(event.recorder)
            elif isinstance(event, events.NonFatalError):
                self._tally.failed(
                    event.label, "generation", status=None, title=event.info.title, message=str(event.value), repeat=""
                )
            elif isinstance(event, events.Interrupted):
                raise KeyboardInterrupt  # swallowed by schemathesis: half a check must not pass for a whole one
            elif isinstance(event, events.FatalError):
                raise InfrastructureError(
                    "generated requests could not be sent",
                    seen=f"{type(event.exception).__name__}: {event.exception}",
                    hint="check that the system runs, and its contract with `assay contracts list`",
                )

    def send(self, call: Call, *, may_fail: bool = False) -> Any:
        """Send one request that was worked out, judge its answer as generated ones are, and return the answer.

        may_fail: 5xx is awaited.
        """
        return self._send(call.operation, self._case(call), may_fail=may_fail)

    def write(self, call: Call) -> Written:
        """Return one request as `send` would send it, so that it can be looked at first."""
        case = self._case(call)
        ready = prepare_request(case, None, config=SanitizationConfig(enabled=False))
        content: Any = ready.body or b""
        media = str(ready.headers.get("Content-Type", ""))
        return Written(case, media, content if isinstance(content, bytes) else content.encode())

    def send_written(self, operation: str, written: Written) -> Any:
        """Send what was written, as part of what was made up; it is nothing that is known to go well."""
        return self._send(operation, written.case, made_up=True)

    def _case(self, call: Call) -> Any:
        method, _, template = call.operation.partition(" ")
        found, media_type = self._schema[template][method], call.media_type
        if call.body is not None and media_type is None and not found.body:
            media_type = "application/json"  # what some clients send although the document asks for nothing
        return found.Case(
            path_parameters=dict(call.path),
            query=dict(call.query),
            headers=_over(self._headers_for(method, template), call.headers),
            media_type=media_type,
            **({} if call.body is None else {"body": call.body}),
        )

    def learn(self, other: Asker) -> None:
        """Take over what another asker of the same system knows to go well."""
        for operation, (rank, case) in other._cases.items():
            if operation not in self._cases or rank < self._cases[operation][0]:
                self._cases[operation] = (rank, case)

    def has_case(self, operation: str) -> bool:
        """Whether anything was sent to an operation that could be sent again."""
        return operation in self._cases

    def repeat(
        self,
        operation: str,
        headers: Mapping[str, str] | None = None,
        *,
        authenticated: bool = True,
        unknown: bool = False,
        provoked: bool = True,
        may_fail: bool = False,
    ) -> Any:
        """Send what went best with an operation once more, with further headers or without credentials.

        unknown: for a key nobody has. may_fail: an outage was asked for, so that 5xx is no failure. The answer is
        judged and returned.
        """
        best = self._cases[operation][1]
        own = self._headers_for(best.method, best.operation.path)
        lower = {name.lower() for name in own}
        kept = {name: value for name, value in (best.headers or {}).items() if name.lower() not in lower}
        path = dict(best.path_parameters or {})
        if unknown:
            path[list(path)[-1]] = _UNKNOWN
        case = best.operation.Case(
            path_parameters=path,
            query=dict(best.query or {}),
            headers=_over({**kept, **(own if authenticated else {})}, headers or {}),
            cookies=dict(best.cookies or {}),
            body=best.body,
            media_type=best.media_type,
        )
        return self._send(operation, case, provoked=provoked, may_fail=may_fail)

    def _send(
        self, operation: str, case: Any, *, provoked: bool = False, may_fail: bool = False, made_up: bool = False
    ) -> Any:
        response = case.call()
        self._tally.saw(operation, response.status_code, provoked=provoked)
        if made_up:
            sent = response.request
            self._digest(sent.method, sent.url, sent.headers.get("Content-Type", ""), sent.body)
        elif not provoked:
            self._remember(operation, case, response.status_code)
        self._look_for_more(operation, case, response)
        # Some vendors document a 5xx for what they do not take: Adyen 500 (905) for a payment method it has not.
        refused = made_up and str(response.status_code) in self._documented[operation]
        wanted = [name for name in _OF_ANSWERS if not ((may_fail or refused) and name == "not_a_server_error")]
        try:
            case.validate_response(response, checks=_functions(wanted))
        except FailureGroup as group:
            self._note(operation, group.exceptions, response.status_code, case.as_curl_command())
        except Failure as failure:
            self._note(operation, [failure], response.status_code, case.as_curl_command())
        return response

    def _look_for_more(self, operation: str, case: Any, response: Any) -> None:
        media = response.headers.get("content-type", "")
        media = media[0] if isinstance(media, list) else media
        if len(response.content) >= _RECORDED:  # schemathesis keeps so much of an answer: the rest would be missing
            return
        strange = self._twin.strange(operation, response.status_code, media, response.content)
        if strange and self._tally.is_news(operation, response.status_code, [each.path for each in strange]):
            self._tally.found_more(operation, response.status_code, strange, repeat=case.as_curl_command())

    def _remember(self, operation: str, case: Any, status: int) -> None:
        """Keep the case that went best: a success before a refusal, and of those the newest success."""
        rank = 0 if status < 300 else 1 if status < 500 else 2
        if operation not in self._cases or rank < self._cases[operation][0] or rank == 0:
            self._cases[operation] = (rank, case)

    def _note(self, operation: str, failures: Iterable[Any], status: int, repeat: str) -> None:
        for failure in failures:
            check = _check_of(failure)
            self._tally.failed(
                operation, check, status=status, title=failure.title, message=failure.message, repeat=repeat
            )

    def _digest(self, method: str, address: str, media: str, body: bytes | str | None) -> None:
        url, content = urlsplit(address), body.encode() if isinstance(body, str) else body or b""
        boundary = media.partition("boundary=")[2].encode()  # of multipart: random, and nothing that was made up
        if boundary:
            content = content.replace(boundary, b"")
        self._drawn.update(f"{method} {url.path}?{url.query}\n".encode() + content + b"\n")

    def _count(self, recorder: ScenarioRecorder) -> None:
        for name, interaction in recorder.interactions.items():
            if name not in recorder.cases:
                continue
            sent = interaction.request
            [media] = sent.headers.get("Content-Type", [""])
            self._digest(sent.method, sent.uri, media, sent.body)
            response = interaction.response
            case = recorder.cases[name].value
            status = None if response is None else response.status_code
            # A check of schemathesis leaves credentials out, too; nothing else is answered with 401.
            self._tally.saw(case.operation.label, status, provoked=status == 401)
            if response is not None and case.method.upper() == case.operation.method.upper():
                self._remember(case.operation.label, case, response.status_code)
                self._look_for_more(case.operation.label, case, response)
        for name, checks in recorder.checks.items():
            for check in checks:
                if check.failure_info is None:
                    continue
                failure, asked = check.failure_info.failure, recorder.interactions.get(name)
                answered = asked.response if asked else None
                self._tally.failed(
                    recorder.cases[name].value.operation.label,
                    check.name,
                    status=None if answered is None else answered.status_code,
                    title=failure.title,
                    message=failure.message,
                    repeat=check.failure_info.code_sample,
                )


@contextmanager
def _by_the_seed_alone() -> Iterator[None]:
    """Keep Hypothesis from drawing numbers and texts out of the source of whatever modules happen to be loaded.

    It does so by itself and offers no setting against it: an edit anywhere, or another way of being started, would
    change what the same seed asks.
    """
    provider: Any = providers.HypothesisProvider
    own = provider.__dict__["_local_constants"]
    provider._local_constants = type(providers.GLOBAL_CONSTANTS)()
    providers.CONSTANTS_CACHE.cache.clear()
    try:
        yield
    finally:
        provider._local_constants = own
        providers.CONSTANTS_CACHE.cache.clear()


def _spelled(headers_for: HeadersFor, content: Mapping[str, Any]) -> HeadersFor:
    """Spell headers as the document's security schemes do: schemathesis takes credentials off by that very name."""
    schemes = content.get("components", {}).get("securitySchemes", {}).values()
    names = {each["name"].lower(): each["name"] for each in schemes if each.get("in") == "header"}
    names["authorization"] = "Authorization"

    def spelled(method: str, path: str) -> Mapping[str, str]:
        return {names.get(name.lower(), name): value for name, value in headers_for(method, path).items()}

    return spelled


def _provider(headers_for: HeadersFor) -> type:
    class Provider:
        """Lets the connector say how a call is authenticated; a header that a case tests is left as it is."""

        def get(self, case: Any, context: AuthContext) -> Mapping[str, str]:
            return headers_for(case.method, context.operation.path)

        def set(self, case: Any, data: Mapping[str, str], context: AuthContext) -> None:
            case.headers = case.headers or {}
            case.headers.update(data)

    return Provider


def _filter(twin: Twin) -> Callable[..., bool]:
    def stands(context: Any, failure: Failure, case: Any, response: Any) -> bool:
        """Whether a failure is one by what was sent: a form that was made up against its schema may hold to it again.

        schemathesis takes names of a form as they are written; the brackets of `metadata[key]` it does not read back.
        Wrong data in the path, the query or a header beside the form stays wrong, whatever the form says.
        """
        if not isinstance(failure, AcceptedNegativeData) or case.meta is None:
            return True
        negated = [place for place, component in case.meta.components.items() if component.mode.is_negative]
        body = response.request.body
        if negated != [ParameterLocation.BODY] or not body:
            return True
        sent = body if isinstance(body, bytes) else body.encode()
        return not twin.allows_form(case.operation.label, response.request.headers.get("Content-Type", ""), sent)

    return stands


def _over(own: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, str]:
    lower = {name.lower() for name in headers}
    kept = {name: value for name, value in own.items() if name.lower() not in lower}
    return kept | {name: value for name, value in headers.items() if value}


def _functions(names: Iterable[str]) -> Any:
    return CHECKS.get_by_names(list(names))


_CHECKS = {
    "ServerError": "not_a_server_error",
    "UndefinedStatusCode": "status_code_conformance",
    "UndefinedContentType": "content_type_conformance",
    "MissingContentType": "content_type_conformance",
    "MalformedMediaType": "content_type_conformance",
    "MissingHeaders": "response_headers_conformance",
    "JsonSchemaError": "response_schema_conformance",
    "MalformedJson": "response_schema_conformance",
}


def _check_of(failure: Any) -> str:
    return next((_CHECKS[each.__name__] for each in type(failure).__mro__ if each.__name__ in _CHECKS), "answer")


def _per_period(per_second: float) -> str:
    """Write a rate as schemathesis reads it: whole calls a second, minute or hour."""
    for seconds, unit in ((1, "s"), (60, "m")):
        if per_second * seconds >= 1:
            return f"{int(per_second * seconds)}/{unit}"
    return f"{max(int(per_second * 3600), 1)}/h"
