"""Stripe's list of events, and its signature over one: as the vendor's document and its own library have them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe as sdk

from assay.connectors.stripe import Stripe, decode_event, sign, signed_webhook
from assay.errors import InfrastructureError
from assay.roles import Http

AT = datetime(2026, 3, 1, tzinfo=UTC)


def event(ref: str, created: int) -> dict[str, Any]:
    """An event as the list has it, trimmed."""
    return {
        "id": ref,
        "object": "event",
        "type": "charge.succeeded",
        "created": created,
        "data": {"object": {"a": "ü"}},
    }


def test_events_come_oldest_first_over_all_pages(vendor: Any, http: Http) -> None:
    """The list is asked for by time, walked to its end, and turned round; a body is the event itself."""
    pages = [[event("evt_3", 1772323203), event("evt_2", 1772323202)], [event("evt_1", 1772323201)]]

    def page(asked: Any) -> tuple[int, Any]:
        last = asked.query.get("starting_after") == "evt_2"
        return 200, {"object": "list", "data": pages[1] if last else pages[0], "has_more": not last}

    vendor.on("GET", "/v1/events", page)
    found = Stripe(http, {"api_key": "sk_test_canary"}).events(AT)
    assert [each.ref for each in found] == ["evt_1", "evt_2", "evt_3"]
    assert json.loads(found[0].body) == pages[1][0]
    assert found[0].created_at == datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC)
    assert [asked.query["created[gte]"] for asked in vendor.asked] == [str(int(AT.timestamp()))] * 2


def test_the_vendors_own_library_takes_the_signature() -> None:
    """A body signed by `sign` passes Stripe's own check, and with another secret it does not."""
    body = decode_event(event("evt_1", 1772323201)).body
    headers = sign(body, "whsec_one", datetime.now(UTC))
    made = sdk.Webhook.construct_event(body, headers["stripe-signature"], "whsec_one")
    assert made["id"] == "evt_1"
    with pytest.raises(sdk.SignatureVerificationError):
        sdk.Webhook.construct_event(body, headers["stripe-signature"], "whsec_two")


def test_an_event_is_delivered_to_who_has_the_secret() -> None:
    """What goes out is the body untouched, with the signature of the endpoint's secret at that instant."""
    assert signed_webhook(b'{"id": 1}', {"webhook_secret": "whsec_one"}, AT) == (
        b'{"id": 1}',
        sign(b'{"id": 1}', "whsec_one", AT),
    )


def test_what_is_no_event_is_refused() -> None:
    """An object without an id is refused with the place."""
    with pytest.raises(InfrastructureError) as refused:
        decode_event({"type": "charge.succeeded"})
    assert "id" in str(refused.value)
