"""Track Alert: subscriptions to parcels or to an account, and a webhook for each scan as the clock reaches it.

Version 2 of UPS's document sends events to the one webhook registered for the client: the settings `webhook_url`,
`webhook_credential` and `webhook_token`. Version 1, which UPS still supports, names a destination in each request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson

from assay.simkit import Answer, Call, Refused, from_us, to_us
from mocks.ups.account import Ups
from mocks.ups.place import COUNTRIES, local_time
from mocks.ups.refusal import Json, errors, read_object, refused, text
from mocks.ups.walk import Scan, scans

VALID_FOR = timedelta(days=14)
RETRIES_S = (60, 600, 3_600)
_MOST = 100
_FOREVER = "9999-12-31"
_TRACKING_NUMBER = re.compile(r"1Z[0-9A-Z]{16}|1R[0-9A-Z]{14}|1R[0-9A-Z]{26}")
_LOCALE = re.compile(r"[a-z]{2}_[A-Z]{2}")
_TYPES = ("standard", "enhanced")
# UPS's document takes only American forms of these two.
_STATE = re.compile(r"[A-Z]{2}")
_POSTCODE = re.compile(r"\d{5}([-\s]\d{4})?")


def subscribe_parcels(state: Ups, call: Call) -> Answer:
    """Answer POST /api/track/{version}/subscription/{type}/package; its refusals always list invalid numbers."""
    try:
        return _subscribe_parcels(state, call)
    except Refused as refusal:
        if refusal.answer.status != 400:
            raise
        return Answer({"invalidTrackingNumbers": [], **refusal.answer.body}, 400)


def _subscribe_parcels(state: Ups, call: Call) -> Answer:
    _check_call(call)
    request = _request(call)
    numbers = request.get("trackingNumberList")
    if not isinstance(numbers, list) or not numbers:
        raise refused("VSS200", "Tracking Number List is required. The Subscription request has been rejected.")
    if len(numbers) > _MOST:
        raise refused("VSS220", f"You have submitted over {_MOST} tracking numbers which is not allowed.")
    target = _target(state, call, request)
    words = [each if isinstance(each, str) else str(each) for each in numbers]
    valid = list(dict.fromkeys(each for each in words if _TRACKING_NUMBER.fullmatch(each)))
    invalid = [each for each in words if each not in valid]
    if not valid:
        message = "The Subscription request should have at least one valid tracking number."
        return Answer({"invalidTrackingNumbers": invalid, **errors(("VSS210", message)).body}, 400)
    for number in valid:
        _watch(state, number, target)
    return Answer({"validTrackingNumbers": valid, **({"invalidTrackingNumbers": invalid} if invalid else {})})


def subscribe_account(state: Ups, call: Call) -> Answer:
    """Answer POST /api/track/{version}/subscription/{type}/account."""
    _check_call(call)
    request = _request(call)
    account = text(request, "shipperAccountNumber").upper()
    if not state.is_shipper(account):
        raise refused("VSS000", "Invalid request and The Subscription request has been rejected.")
    state.accounts[account] = _target(state, call, request)
    return Answer({"expiryDate": _FOREVER})


def unsubscribe_account(state: Ups, call: Call) -> Answer:
    """Answer DELETE /api/track/{version}/subscription/{type}/account."""
    _check_call(call)
    account = dict(call.query).get("shipper_account_number", "").upper()
    if account not in state.accounts:
        raise refused("VSS000", "Invalid request and The Subscription request has been rejected.")
    del state.accounts[account]
    return Answer({"message": "Account unsubscribed"})


def watch_account_parcel(state: Ups, parcel: Json) -> None:
    """Follow a new parcel whose account is subscribed, from its first scan on."""
    target = state.accounts.get(parcel["shipper_number"])
    if target is not None:
        state.watches[parcel["tracking"]] = {
            "until_us": to_us(state.world.now() + VALID_FOR),
            "next": 0,
            "targets": [target],
        }
        _schedule(state, parcel["tracking"])


def announce_void(state: Ups, number: str) -> None:
    """Tell subscribers that a parcel was voided; nothing follows after it."""
    watch = state.watches.get(number)
    if watch is None:
        return
    parcel = state.parcels[number]
    _post(state, parcel, scans(parcel)[-1], watch["targets"])
    del state.watches[number]


def on_scan(state: Ups, number: str) -> None:
    """Send a parcel's next scan, if its time has come, and wait for the one after."""
    watch, parcel = state.watches.get(number), state.parcels.get(number)
    if watch is None or parcel is None:
        return
    plan = scans(parcel)
    now = state.world.now()
    place = watch["next"]
    if place >= len(plan) or plan[place].at > now:  # subscribed again meanwhile: another job is waiting
        return
    if plan[place].at > from_us(watch["until_us"]):
        del state.watches[number]
        return
    _post(state, parcel, plan[place], watch["targets"])
    state.watches[number] = {**watch, "next": place + 1}
    _schedule(state, number)


def _watch(state: Ups, number: str, target: Json) -> None:
    now = state.world.now()
    watch = state.watches.get(number)
    until_us = to_us(now + VALID_FOR)
    if watch is not None:
        others = [each for each in watch["targets"] if each["url"] != target["url"]]
        state.watches[number] = {**watch, "until_us": until_us, "targets": [*others, target]}
        return
    parcel = state.parcels.get(number)
    if parcel is None:
        return  # a parcel UPS has not seen; this simulator makes all its own numbers, so none will come
    ahead = [place for place, scan in enumerate(scans(parcel)) if scan.at > now]
    if ahead:
        state.watches[number] = {"until_us": until_us, "next": ahead[0], "targets": [target]}
        _schedule(state, number)


def _schedule(state: Ups, number: str) -> None:
    plan, place = scans(state.parcels[number]), state.watches[number]["next"]
    if place < len(plan):
        state.world.at(plan[place].at, "scan", number)
    else:
        del state.watches[number]


def _post(state: Ups, parcel: Json, scan: Scan, targets: Sequence[Json]) -> None:
    retries = tuple(state.settings.get("webhook_retries_s", RETRIES_S))
    for target in targets:
        wanted = target["types"]
        if wanted and scan.type[0] not in wanted and not (scan.type == "U" and "X" in wanted):
            continue
        body = orjson.dumps(event(parcel, scan, enhanced=target["enhanced"]))
        state.world.post(target["url"], body, target["headers"], retries_s=retries)


def event(parcel: Json, scan: Scan, *, enhanced: bool = False) -> Json:
    """Return the TrackingEventRequest of a scan; fields without a value are left out."""
    party = parcel["from"] if scan.place == "origin" else parcel["to"]
    when = local_time(scan.at, party["country"])
    is_delivery = scan.type == "D"
    location: Json = {"city": party["city"], "country": party["country"]}
    if _STATE.fullmatch(party["state"]):
        location["stateProvince"] = party["state"]
    if is_delivery and _POSTCODE.fullmatch(party["postcode"]):
        location["postalCode"] = party["postcode"]
    status = {"type": scan.type, "code": scan.code, "description": scan.description}
    message: Json = {
        "trackingNumber": parcel["tracking"],
        "localActivityDate": when.date,
        "localActivityTime": when.time,
        "activityLocation": location,
        "activityStatus": {**status, "descriptionCode": scan.status_code},
        "scheduledDeliveryDate": local_time(from_us(parcel["scheduled_us"]), parcel["to"]["country"]).date,
        "gmtActivityDate": when.gmt_date,
        "gmtActivityTime": when.gmt_time,
        "gmtOffset": when.offset.replace(":", "."),
        "deliveryTimeDescription": "end of day",
    }
    if is_delivery:
        message["actualDeliveryDate"] = when.date
        message["actualDeliveryTime"] = when.time
        if enhanced:
            message["receivedBy"] = parcel["to"]["attention"] or parcel["to"]["name"]
    return message


def _check_call(call: Call) -> None:
    if not call.headers.get("transid"):
        raise refused("VSS002", "Missing transId")
    if not call.headers.get("transactionsrc"):
        raise refused("VSS004", "Missing transactionSrc")
    if call.params["type"] not in _TYPES:
        raise refused("VSS930", "Type is missing or invalid, The Subscription request has been rejected.")


def _request(call: Call) -> Json:
    if not call.body.strip():
        raise refused("VSS110", "Subscription request is empty or not present.")
    request = read_object(call)
    locale = text(request, "locale")
    if not locale:
        raise refused("VSS300", "Locale is required. The Subscription request has been rejected.")
    if not _LOCALE.fullmatch(locale):
        raise refused("VSS310", "Please enter a valid locale. The Subscription request has been rejected")
    country = text(request, "countryCode")
    if country and country not in COUNTRIES:
        raise refused("VSS400", "Please enter a valid country code. The Subscription request has been rejected.")
    return request


def _target(state: Ups, call: Call, request: Json) -> Json:
    """Return where events go: the registered webhook, in version 1 the destination of the request."""
    if call.params["version"] == "v1":
        url, credential = _destination(request)
    else:
        url, credential = state.settings.get("webhook_url") or "", state.settings.get("webhook_credential") or ""
        if not url:
            raise refused("VSS600", "URL is empty or not present: no webhook is registered for this client.")
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "UPSPubSubTrackingService",
        "x-api-key": state.tokens.bearer(call).client_id,
    }
    if credential:
        headers["credential"] = credential
    if token := state.settings.get("webhook_token"):
        headers["Authorization"] = f"Bearer {token}"
    enhanced = call.params["type"] == "enhanced"
    return {"url": url, "headers": headers, "enhanced": enhanced, "types": _preferences(request) if enhanced else []}


def _destination(request: Json) -> tuple[str, str]:
    destination = request.get("destination")
    if not isinstance(destination, dict):
        raise refused("VSS500", "Destination is required. The Subscription request has been rejected")
    url, credential = text(destination, "url"), text(destination, "credential")
    if not url.startswith(("http://", "https://")):
        raise refused("VSS600", "URL is empty or not present. The Subscription request has been rejected.")
    if len(url) > 500:
        raise refused("VSS610", "URL is too long. The Subscription request has been rejected.")
    if not credential:
        raise refused("VSS700", "Credential is empty or not present. The Subscription request has been rejected.")
    if not text(destination, "credentialType"):
        raise refused("VSS800", "CredentialType is empty or not present. The Subscription request has been rejected.")
    if not isinstance(destination["credential"], str) or not isinstance(destination["credentialType"], str):
        raise refused("VSS000", "Invalid request and The Subscription request has been rejected.")
    return url, credential


def _preferences(request: Json) -> list[Any]:
    wanted = request.get("eventPreferences")
    return [each for each in wanted if each in ("D", "I", "M", "X")] if isinstance(wanted, list) else []
