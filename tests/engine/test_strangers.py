"""A host nobody declared is a finding, with what was called as evidence."""

from __future__ import annotations

from datetime import UTC, datetime

from assay.oracles.strangers import strangers
from assay.records import Call

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def call(host: str, *, refused: bool, path: str = "/v1/x") -> Call:
    """Return a call as the journal holds it."""
    return Call(
        id=f"{host}{path}",
        at=AT,
        system="unrouted" if refused else "stripe",
        way="proxy",
        method="GET",
        host=host,
        path=path,
        query="",
        status=502 if refused else 200,
        duration_ms=1,
        refused=refused,
        request_headers={},
        request_body="",
        response_headers={},
        response_body="",
    )


def test_each_refused_host_is_one_finding() -> None:
    """Two refused hosts give two findings by name; routed calls give none."""
    calls = [
        call("b.example", refused=True),
        call("a.example", refused=True),
        call("a.example", refused=True, path="/v1/y"),
        call("api.stripe.com", refused=False),
    ]
    found = strangers(calls)
    assert [(each.systems, each.seen) for each in found] == [
        (("platform", "a.example"), "2 calls to a.example"),
        (("platform", "b.example"), "1 calls to b.example"),
    ]
    assert found[0].evidence == ("2026-03-02T09:00:00+00:00 GET /v1/x 502", "2026-03-02T09:00:00+00:00 GET /v1/y 502")
    assert all(each.result == "fail" for each in found)


def test_nothing_refused_is_no_finding() -> None:
    """A journal of routed calls is silent."""
    assert strangers([call("api.stripe.com", refused=False)]) == []
