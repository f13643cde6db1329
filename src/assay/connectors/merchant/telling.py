"""What the platform tells others, and what its bank tells it: analytics, revenue, statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from assay.connectors.merchant.calling import Caller, answered
from assay.connectors.merchant.decoding import decode_event, decode_figure, decode_statement_line
from assay.http import Answer
from assay.records import AnalyticsEvent, Figure, StatementLine
from assay.roles import StatementForm

_MEDIA = {"camt.053": "application/xml", "mt940": "text/plain; charset=utf-8"}


class Telling(Caller):
    """The platform's outbox to reports, and its inbox from the bank."""

    def analytics_events(self, order_ref: str) -> Sequence[AnalyticsEvent]:
        """Return what was told of an order, oldest first."""
        answer = self._read("/api/operator/analytics", ("order", order_ref))
        return [decode_event(each, order_ref) for each in answer.items("events")]

    def figures(self, since: datetime, until: datetime) -> Sequence[Figure]:
        """Return every figure it tells of orders placed in [since, until)."""
        answer = self._read("/api/operator/revenue", *_span(since, until))
        return [decode_figure(each, since, until) for each in answer.items("figures")]

    def import_statement(self, content: bytes, form: StatementForm) -> int:
        """Hand it a statement; return how many lines it made of it. The same statement again adds none."""
        path = "/api/operator/statements"
        headers = {**self._operator, "Content-Type": _MEDIA[form]}
        reply = self._http.request("POST", path, params=[("form", form)], headers=headers, body=content)
        return answered(reply, "POST", path).integer("added")

    def statement_lines(self, since: datetime, until: datetime) -> Sequence[StatementLine]:
        """Return the lines booked in [since, until) as the platform read them."""
        answer = self._read("/api/operator/statements", *_span(since, until))
        return [decode_statement_line(each) for each in answer.items("lines")]

    def _read(self, path: str, *params: tuple[str, str]) -> Answer:
        return self._call("GET", path, params=params, headers=self._operator)


def _span(since: datetime, until: datetime) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("since", since.isoformat()), ("until", until.isoformat())
