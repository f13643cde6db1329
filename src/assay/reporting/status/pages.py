"""The pages, worked out and laid out: templates lie in ``reports/status``, the user's own before the shipped ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from assay.errors import UsageError
from assay.monitor import look_again
from assay.reporting.html import template_folders
from assay.reporting.status.auth import reader_of
from assay.reporting.status.compared import alarms_of, pairs_of
from assay.reporting.status.drift import series_of
from assay.reporting.status.findings import failures_of, groups_of, money_at_risk
from assay.reporting.status.history import history_of
from assay.reporting.status.markdown_page import blocks_of, inline
from assay.reporting.status.problems import Problem
from assay.reporting.status.reading import Reading
from assay.reporting.status.rows import Row, Sparks, alerts_of, counts_of, row_for, rows_of, source_state
from assay.reporting.status.runbook import address_of, text_of
from assay.reporting.status.source import StatusSource
from assay.reporting.status.words import ago, between, left
from assay.reporting.text import clip, duration, instant, plural, printable

NAVIGATION = (
    ("/", "Overview"),
    ("/findings", "Findings"),
    ("/drift", "Drift"),
    ("/ledger", "Ledger"),
    ("/alerts", "Alerts"),
    ("/silences", "Silences"),
)
SILENCE_FOR = (
    ("1800", "30 minutes"), ("7200", "2 hours"), ("28800", "8 hours"), ("86400", "1 day"), ("604800", "7 days")
)  # fmt: skip
"""How long a silence may be made by the form: seconds and words. The API takes any."""
_MOST_ROWS = 500
_ASSETS = {"report.css": "text/css", "status/status.css": "text/css", "status/status.js": "text/javascript"}
_MEND = "mend the template in your project's reports/status/, or delete it to use the shipped one"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages link to; its address holds a digest of it, so that browsers may keep it for ever."""

    body: bytes
    media_type: str
    address: str


class Pages:
    """All pages of one source."""

    def __init__(self, source: StatusSource) -> None:
        import jinja2

        self._source = source
        self._sparks = Sparks()
        folders = template_folders(source.project)
        self.assets = {name.rpartition("/")[2]: _asset(folders, name, kind) for name, kind in _ASSETS.items()}
        loader = jinja2.FileSystemLoader([str(folder / "status") for folder in folders])
        self._templates = jinja2.Environment(
            loader=loader,
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_visible,
        )
        self._templates.filters |= {
            "ago": ago, "left": left, "between": between, "instant": instant, "duration": duration, "plural": plural,
            "clip": clip, "inline": inline,
        }  # fmt: skip
        self._templates.globals |= {
            "environment": source.environment,
            "location": source.location,
            "assets": {name: asset.address for name, asset in self.assets.items()},
            "silence_for": SILENCE_FOR,
        }

    def overview(self, request: Request) -> HTMLResponse:
        """Every monitor now, what needs a look first."""
        reading = Reading(self._source)
        rows = rows_of(reading)
        query = request.query_params.get("q", "").strip()[:100]
        state = request.query_params.get("state", "")
        found = [row for row in rows if _matches(row, query, state)]
        shown = [(row, self._sparks.of(row.run, reading)) for row in found[:_MOST_ROWS]]
        good, headline = source_state(rows, self._source)
        return self._page(
            request, reading, "overview", "/",
            good=good, headline=headline, rows=shown, left_out=len(found) - len(shown), counts=counts_of(rows),
            total=len(rows), query=query, state=state, problems=list(self._source.problems()),
            undeliverable=len(self._source.undeliverable()), switch=self._source.kill_switch(),
            risk=money_at_risk(fault for row in rows if row.run for fault in row.run.faults),
            started_at=self._source.started_at,
        )  # fmt: skip

    def monitor(self, request: Request, *, fields: Mapping[str, str] | None = None, wrong: str = "") -> HTMLResponse:
        """One monitor: why it is as it is, how it was, and what to do."""
        name = request.path_params["name"]
        reading = Reading(self._source)
        row = row_for(reading, name)
        if row is None:
            raise Problem(404, f"There is no monitor '{clip(name, 80)}'", "The overview lists every one there is.")
        history = history_of(reading, row, request.query_params)
        return self._page(
            request, reading, "monitor", "",
            row=row, history=history, runbook=address_of(row.monitor, self._source), fields=fields or {}, wrong=wrong,
            look=look_again(name, self._source.environment),
            status=422 if wrong else 200,
        )  # fmt: skip

    def findings(self, request: Request) -> HTMLResponse:
        """What oracles found lately, the same as one."""
        reading = Reading(self._source)
        groups = groups_of(reading)
        return self._page(
            request, reading, "findings", "/findings", groups=groups, failures=failures_of(reading),
            titles={name: each.title for name, each in self._source.monitors().items()},
        )  # fmt: skip

    def drift(self, request: Request) -> HTMLResponse:
        """What compared pairs came to, which distributions are off, and what checks measured, over time."""
        reading = Reading(self._source)
        span, series, left_out = series_of(reading, request.query_params.get("span", ""))
        return self._page(
            request, reading, "drift", "/drift", span=span, series=series, left_out=left_out,
            pairs=pairs_of(reading, span), alarms=alarms_of(reading),
        )  # fmt: skip

    def ledger(self, request: Request) -> HTMLResponse:
        """What is still to be undone in real systems, and what cannot be."""
        reading = Reading(self._source)
        intents = reading.intents()
        leaked = [each for each in intents if each.state == "leaked"]
        waiting = [each for each in intents if each.state != "leaked"]
        return self._page(request, reading, "ledger", "/ledger", leaked=leaked, waiting=waiting)

    def alerts(self, request: Request) -> HTMLResponse:
        """What fires, what does not and why, and what could not be delivered."""
        reading = Reading(self._source)
        lines, latest = alerts_of(reading), reading.latest()
        return self._page(
            request, reading, "alerts", "/alerts",
            fired=[line for line in lines if line.told and not line.suppressed_by],
            suppressed=[line for line in lines if line.suppressed_by],
            brewing=[line for line in lines if not line.told and not line.suppressed_by],
            undeliverable=list(self._source.undeliverable()), names=set(reading.names()),
            why={name: run.why for name, run in latest.items()},
            deliveries=reading.deliveries()[:20],
        )  # fmt: skip

    def silences(self, request: Request, *, fields: Mapping[str, str] | None = None, wrong: str = "") -> HTMLResponse:
        """Who is kept quiet, until when and why; and the form that keeps another one quiet."""
        reading = Reading(self._source)
        return self._page(
            request, reading, "silences", "/silences", lines=reading.silences(), names=reading.names(),
            fields=fields or {"monitors": request.query_params.get("monitors", "")}, wrong=wrong,
            said={"made": "The silence holds now.", "ended": "The silence has ended."}.get(
                request.query_params.get("said", ""), ""
            ),
            status=422 if wrong else 200,
        )  # fmt: skip

    def runbook(self, request: Request) -> HTMLResponse:
        """The runbook of a monitor."""
        name = request.path_params["name"]
        reading = Reading(self._source)
        monitor = self._source.monitors().get(name)
        text = text_of(monitor, self._source) if monitor else None
        if monitor is None or text is None:
            raise Problem(404, f"There is no runbook of '{clip(name, 80)}'", "Monitors name theirs by the key runbook.")
        blocks, heading = blocks_of(printable(text)), "Runbook"
        if blocks and blocks[0].kind == "heading":
            heading = blocks.pop(0).lines[0]
        return self._page(request, reading, "runbook", "", monitor=monitor, heading=heading, blocks=blocks)

    def sign_in(self, request: Request, *, back: str, wrong: str = "") -> HTMLResponse:
        """The form that asks for the token; knows nothing of the environment."""
        return self._rendered(request, "login", 401 if wrong else 200, back=back, wrong=wrong)

    def trouble(self, request: Request, problem: Problem) -> HTMLResponse:
        """An error page: what is wrong, and what to do."""
        return self._rendered(request, "trouble", problem.status, problem=problem)

    def _page(
        self, request: Request, reading: Reading, template: str, here: str, *, status: int = 200, **content: Any
    ) -> HTMLResponse:
        return self._rendered(
            request, template, status, reading=reading, here=here, navigation=NAVIGATION,
            version=self._source.recent.version, **content,
        )  # fmt: skip

    def _rendered(self, request: Request, template: str, status: int, **content: Any) -> HTMLResponse:
        import jinja2

        try:
            text = self._templates.get_template(f"{template}.html.j2").render(
                form_token=request.scope.get("assay.form", ""),
                reader=reader_of(request),
                now=content["reading"].now if "reading" in content else datetime.now(UTC),
                **content,
            )
        except jinja2.TemplateSyntaxError as error:
            where = f"{error.filename or error.name}:{error.lineno}"
            raise UsageError("a page's template is wrong", where=where, seen=str(error.message), hint=_MEND) from None
        except (jinja2.TemplateNotFound, jinja2.UndefinedError) as error:
            raise UsageError(f"the page {template} cannot be laid out", seen=str(error), hint=_MEND) from None
        return HTMLResponse(text, status)


def _visible(value: object) -> object:
    """Return text of whoever wrote it as it can be printed; what is laid out already stays as it is."""
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _matches(row: Row, query: str, state: str) -> bool:
    words = f"{row.name} {row.title} {row.monitor.owner if row.monitor else ''}".lower()
    return query.lower() in words and state in ("", row.state)


def _asset(folders: Sequence[Path], name: str, media_type: str) -> Asset:
    for folder in folders:
        if (folder / name).is_file():
            body = (folder / name).read_bytes()
            digest = hashlib.sha256(body).hexdigest()[:12]
            return Asset(body, media_type, f"/static/{name.rpartition('/')[2]}?{digest}")
    looked = ", ".join(str(folder) for folder in folders)
    raise UsageError(f"there is no {name} for the status page", expected=f"in {looked}", hint=_MEND)
