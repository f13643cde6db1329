"""Traces for an OpenTelemetry collector: a flow, its steps, and every exchange, under the ids the platform was sent.

Each request of a flow carries a W3C ``traceparent``; its span here has that very id, so the platform's own spans hang
below it. Spans are made of what happened, afterwards, with the instants of then.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from assay import __version__
from assay.errors import UsageError
from assay.events import Exchange, Outcome, Probe, Result, StepDone
from assay.masking import mask_text, mask_url

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_MOST_WAITING, _BATCH, _EVERY_MS, _TIMEOUT_S = 8192, 512, 2_000, 5.0
_CLOSE_WITHIN_S = 5.0
_SAME_CLOCK = timedelta(seconds=10)
_MARGIN_S = 0.005
_AGAIN = ", looked at again"
"""What the session adds to a flow's steps long after its end."""
_EMAIL = re.compile(r"[^\s@/,;<>\"']+(?:@|%40)[^\s@/,;<>\"']+")
_PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MISSING = "pip install 'assay[otlp]'"


@dataclass(frozen=True, slots=True)
class Placed:
    """A step in real time: where it began, and the number of the step it lies in, None for the flow itself."""

    step: StepDone
    began: datetime
    within: int | None

    @property
    def ended(self) -> datetime:
        """When it was over."""
        return self.began + timedelta(seconds=self.step.seconds)


class Traces:
    """A listener that hands spans of runs to a collector by OTLP over HTTP. Never blocks and never raises.

    endpoint: the collector's address, without a path (``/v1/traces`` is added) or with the whole one; further headers
    come from ``OTEL_EXPORTER_OTLP_HEADERS``. Where the collector is away, spans wait in memory up to a limit and are
    then let go and counted. say: told when the collector stops or begins to take them.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        say: Callable[[str], None] = lambda _: None,
        proxy: str | None = None,
        ca_file: str | None = None,
    ) -> None:
        try:
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError:
            raise UsageError("traces need OpenTelemetry's SDK, which is not installed", hint=_MISSING) from None
        # They would write a line a batch on the terminal; here it is said once and counted.
        for name in ("opentelemetry.exporter", "opentelemetry.sdk"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._resource = Resource({"service.name": "assay", "service.version": __version__})
        self._exporter = _exporter(_address(endpoint), say, proxy, ca_file)
        self._processor = BatchSpanProcessor(
            self._exporter,
            max_queue_size=_MOST_WAITING,
            max_export_batch_size=_BATCH,
            schedule_delay_millis=_EVERY_MS,
        )
        self._given = self._dropped = 0
        self._closed = False
        self._told: deque[str] = deque(maxlen=1_000)
        self._lock = threading.Lock()

    def __call__(self, event: object) -> None:
        """Hand on the spans of one run of a monitor, or of one execution of a flow; other events are passed over."""
        if isinstance(event, Probe):
            self._hand_on(self._of_probe(event))
        elif isinstance(event, Outcome):
            self._hand_on(self._of_outcome(event, None, {}))

    @property
    def lost(self) -> int:
        """How many spans the collector did not get, and will not."""
        failed: int = self._exporter.failed
        with self._lock:
            return failed + self._dropped + (self._waiting if self._closed else 0)

    def flush(self) -> None:
        """Send what waits, and wait for that."""
        self._processor.force_flush()

    def close(self) -> None:
        """Send what waits and stop; after some seconds what is not sent is let go."""
        ending = threading.Thread(target=self._processor.shutdown, name="close traces", daemon=True)
        ending.start()
        ending.join(_CLOSE_WITHIN_S)
        self._closed = True

    @property
    def _waiting(self) -> int:
        waiting: int = self._given - self._exporter.taken
        return waiting

    def _hand_on(self, spans: Iterable[ReadableSpan]) -> None:
        for span in spans:
            with self._lock:
                full = self._waiting >= _MOST_WAITING
                self._dropped += full
                self._given += not full
            if not full:
                self._processor.on_end(span)

    def _of_probe(self, probe: Probe) -> Iterator[ReadableSpan]:
        about = {
            "assay.monitor": probe.monitor,
            "assay.location": probe.location,
            "assay.result": probe.result.value,
        }
        began = probe.started_at
        for outcome in probe.outcomes:
            yield from self._of_outcome(outcome, began, about)
            began += timedelta(seconds=outcome.seconds)
        if not probe.outcomes and (probe.steps or probe.findings or probe.trouble):
            alone = Outcome(
                flow=probe.subject,
                case="",
                environment=probe.environment,
                steps=probe.steps,
                findings=probe.findings,
                id=probe.id,
                run_id=probe.run_id,
                runner="monitor",
                started_at=probe.started_at,
                seconds=probe.seconds,
                trace_id=probe.trace_id or _digits(f"probe {probe.id}", 32),
            )
            yield from self._of_outcome(alone, probe.started_at, about, trouble=probe.trouble)

    def _of_outcome(
        self, outcome: Outcome, began: datetime | None, about: dict[str, str], *, trouble: Sequence[str] = ()
    ) -> Iterator[ReadableSpan]:
        """Return the spans of one execution: exchanges in steps in the flow."""
        with self._lock:
            if not outcome.trace_id or outcome.id in self._told:
                return
            if outcome.id:
                self._told.append(outcome.id)
        trace = _Trace(outcome.trace_id, self._resource)
        began = _began(outcome, began)
        root = _digits(f"{outcome.trace_id} flow", 16)
        failed = [each for each in outcome.findings if each.result is Result.FAIL]
        attributes: dict[str, Any] = {
            "assay.flow": outcome.flow,
            "assay.case": outcome.case,
            "assay.environment": outcome.environment,
            "assay.run": outcome.run_id,
            "assay.runner": outcome.runner,
            "assay.orders": list(outcome.order_refs),
            "assay.evaluated": outcome.evaluated,
            **about,
        }
        ended = began + timedelta(seconds=outcome.seconds)
        said = [("finding", each.sentence()) for each in failed] + [("trouble", each) for each in trouble]
        problem = said[0][1] if said else next((each.error for each in outcome.steps if each.error), None)
        title = f"{outcome.flow}[{outcome.case}]" if outcome.case else outcome.flow
        yield trace.span(title, root, None, began, ended, attributes, problem=problem, said=said)
        placed = placed_steps(outcome.steps, began, ended)
        ids = [_digits(f"{outcome.trace_id} step {number}", 16) for number in range(len(placed))]
        for number, each in enumerate(placed):
            inside = root if each.within is None else ids[each.within]
            yield trace.span(each.step.name, ids[number], inside, each.began, each.ended, {}, problem=each.step.error)
        for number, exchange in enumerate(outcome.exchanges):
            step = _innermost(placed, exchange.started_at)
            own = _sent_id(exchange, outcome.trace_id) or _digits(f"{outcome.trace_id} exchange {number}", 16)
            yield trace.exchange(exchange, own, root if step is None else ids[step])


def placed_steps(steps: Sequence[StepDone], began: datetime, ended: datetime) -> list[Placed]:
    """Return the steps of a flow in real time, in the order they are told (inner ones before those they lie in).

    Steps say the landscape's instant, which on a simulated landscape jumps. Where it is the real one it is kept; else
    steps follow each other from `began`, with the pauses between them where the clock ran evenly.
    """
    steps = [step for step in steps if not step.soft]
    within = _nesting(steps)
    first, last = began - _SAME_CLOCK, ended + _SAME_CLOCK
    if all(first < step.started_at < last or step.name.endswith(_AGAIN) for step in steps):
        return [Placed(step, step.started_at, inside) for step, inside in zip(steps, within, strict=True)]
    placed: dict[int, Placed] = {}
    cursor: dict[int | None, tuple[datetime, datetime]] = {}
    for number in sorted(range(len(steps)), key=lambda each: (steps[each].started_at, -each)):
        step, inside = steps[number], within[number]
        if inside in cursor:
            at, said = cursor[inside]
        else:
            at = began if inside is None else placed[inside].began
            said = step.started_at
        pause = step.started_at - said
        if timedelta(0) < pause < timedelta(seconds=1):
            at += pause
        placed[number] = Placed(step, at, inside)
        cursor[inside] = (placed[number].ended, step.started_at + timedelta(seconds=step.seconds))
    return [placed[number] for number in range(len(steps))]


def _nesting(steps: Sequence[StepDone]) -> list[int | None]:
    """Return for each step which one it lies in: the next told after it that began before it and took no less time."""
    return [
        next(
            (
                later
                for later in range(number + 1, len(steps))
                if steps[later].started_at < step.started_at and steps[later].seconds >= step.seconds
            ),
            None,
        )
        for number, step in enumerate(steps)
    ]


def _innermost(placed: Sequence[Placed], at: datetime) -> int | None:
    margin = timedelta(seconds=_MARGIN_S)
    around = [number for number, each in enumerate(placed) if each.began - margin <= at <= each.ended + margin]
    return min(around, key=lambda number: placed[number].step.seconds, default=None)


def _began(outcome: Outcome, given: datetime | None) -> datetime:
    """Return when a flow began in real time: its own instant may be a simulated one, its first exchange's is not."""
    first = min((each.started_at for each in outcome.exchanges), default=given)
    said = outcome.started_at
    if said is not None and (first is None or abs(first - said) < _SAME_CLOCK):
        return said
    return first or _EPOCH


def _sent_id(exchange: Exchange, trace_id: str) -> str | None:
    """Return the span id that went out with a request."""
    sent = next((value for name, value in exchange.request_headers.items() if name.lower() == "traceparent"), "")
    found = _PARENT.fullmatch(sent)
    return found[2] if found and found[1] == trace_id else None


class _Trace:
    """Makes the spans of one trace."""

    def __init__(self, trace_id: str, resource: Any) -> None:
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        self._trace_id = int(trace_id, 16)
        self._resource = resource
        self._scope = InstrumentationScope("assay", __version__)

    def span(
        self,
        name: str,
        id: str,
        inside: str | None,
        began: datetime,
        ended: datetime,
        attributes: dict[str, Any],
        *,
        problem: str | None = None,
        said: Sequence[tuple[str, str]] = (),
        calls: bool = False,
    ) -> ReadableSpan:
        """Return one span; calls: whether it is a request of ours to somebody else."""
        from opentelemetry.sdk.trace import Event, ReadableSpan
        from opentelemetry.trace import SpanKind, Status, StatusCode

        status = Status(StatusCode.ERROR, _shown(problem)) if problem else Status(StatusCode.UNSET)
        return ReadableSpan(
            name=_shown(name),
            context=self._context(id),
            parent=self._context(inside) if inside else None,
            resource=self._resource,
            attributes={key: _shown(value) if isinstance(value, str) else value for key, value in attributes.items()},
            events=[Event(kind, {"assay.said": _shown(text)}, timestamp=_ns(ended)) for kind, text in said],
            kind=SpanKind.CLIENT if calls else SpanKind.INTERNAL,
            status=status,
            start_time=_ns(began),
            end_time=_ns(ended),
            instrumentation_scope=self._scope,
        )

    def exchange(self, exchange: Exchange, id: str, inside: str) -> ReadableSpan:
        """Return the span of one request of ours, without query, headers and bodies."""
        parts = urlsplit(mask_url(exchange.url))
        attributes: dict[str, Any] = {
            "assay.system": exchange.system,
            "http.request.method": exchange.method,
            "server.address": parts.hostname or "",
            "url.full": f"{parts.scheme}://{parts.netloc}{parts.path}",
        }
        problem = exchange.error
        if exchange.status is not None:
            attributes["http.response.status_code"] = exchange.status
            if exchange.status >= 400:
                problem = problem or f"answered {exchange.status}"
        ended = exchange.started_at + timedelta(seconds=exchange.seconds)
        name = f"{exchange.method} {exchange.system}"
        return self.span(name, id, inside, exchange.started_at, ended, attributes, problem=problem, calls=True)

    def _context(self, id: str) -> Any:
        from opentelemetry.trace import SpanContext, TraceFlags

        return SpanContext(self._trace_id, int(id, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _exporter(endpoint: str, say: Callable[[str], None], proxy: str | None, ca_file: str | None) -> Any:
    """Return OpenTelemetry's own exporter, which counts what it could not deliver."""
    try:
        import requests
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
    except ImportError:
        raise UsageError("traces need OpenTelemetry's exporter, which is not installed", hint=_MISSING) from None

    class Counting(SpanExporter):
        taken = failed = 0
        _well = True

        def __init__(self) -> None:
            session = requests.Session()
            session.trust_env = False  # no proxy and no password file of the environment's
            session.proxies = {"http": proxy, "https": proxy} if proxy else {}
            self._inner = OTLPSpanExporter(endpoint, certificate_file=ca_file, timeout=_TIMEOUT_S, session=session)

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            self.taken += len(spans)
            try:
                result = self._inner.export(spans)
            except Exception:  # whatever goes wrong on the way, the next batch is tried
                result = SpanExportResult.FAILURE
            well = result is SpanExportResult.SUCCESS
            self.failed += 0 if well else len(spans)
            if well is not self._well:
                self._well = well
                host = urlsplit(endpoint).netloc
                say(f"traces: the collector at {host} {'takes spans again' if well else 'does not take spans'}")
            return result

        def shutdown(self) -> None:
            self._inner.shutdown()  # type: ignore[no-untyped-call]

    return Counting()


def _address(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise UsageError(
            "that is no address of a collector",
            where="monitoring.otlp",
            expected="http(s)://host:port, for example http://127.0.0.1:4318",
            seen=mask_url(endpoint),
            hint="secrets go into OTEL_EXPORTER_OTLP_HEADERS",
        )
    return endpoint if parts.path.strip("/") else f"{parts.scheme}://{parts.netloc}/v1/traces"


def _digits(text: str, count: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:count]


def _shown(text: str) -> str:
    """Return a text as it may leave the house: no secrets, no card numbers, no addresses of people."""
    return _EMAIL.sub("***", mask_text(text))


def _ns(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1) * 1000
