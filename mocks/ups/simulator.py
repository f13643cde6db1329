"""UPS: OAuth, Rating, Shipping, Tracking and Track Alert behind one host."""

from __future__ import annotations

from assay.simkit import Route, Simulator
from mocks.ups.account import Ups, guarded, token
from mocks.ups.alert import on_scan, subscribe_account, subscribe_parcels, unsubscribe_account
from mocks.ups.rating import rate
from mocks.ups.refusal import failure_answer
from mocks.ups.shipping import ship, void
from mocks.ups.tracking import by_number, by_reference, by_shipment

SIMULATOR = Simulator(
    vendor="ups",
    title="UPS (OAuth, Rating, Shipping, Tracking, Track Alert)",
    hosts=("onlinetools.ups.com", "wwwcie.ups.com"),
    state=Ups,
    routes=(
        Route("POST", "/security/v1/oauth/token", token),
        Route("POST", "/api/rating/{version}/{requestoption}", guarded(rate)),
        Route("POST", "/api/shipments/{version}/ship", guarded(ship)),
        Route("DELETE", "/api/shipments/{version}/void/cancel/{shipmentidentificationnumber}", guarded(void)),
        Route("GET", "/api/track/v1/details/{inquiryNumber}", guarded(by_number)),
        Route("GET", "/api/track/v1/reference/details/{referenceNumber}", guarded(by_reference)),
        Route("GET", "/api/track/v1/shipment/details/{inquiryNumber}", guarded(by_shipment)),
        Route("POST", "/api/track/{version}/subscription/{type}/package", guarded(subscribe_parcels)),
        Route("POST", "/api/track/{version}/subscription/{type}/account", guarded(subscribe_account)),
        Route("DELETE", "/api/track/{version}/subscription/{type}/account", guarded(unsubscribe_account)),
    ),
    error=failure_answer,
    jobs={"scan": on_scan},
    settings=(
        "clients",
        "shipper_numbers",
        "token_lifetime_s",
        "transit_hours",
        "extra_scans",
        "stops_after",
        "negotiated_percent",
        "rate_limit_per_s",
        "webhook_url",
        "webhook_credential",
        "webhook_token",
        "webhook_retries_s",
    ),
    sources=(
        "https://developer.ups.com/api/reference/oauth/client-credentials",
        "https://developer.ups.com/api/reference/rating",
        "https://developer.ups.com/api/reference/shipping",
        "https://developer.ups.com/api/reference/tracking",
        "https://developer.ups.com/api/reference/trackalertenhanced/product-info",
    ),
    not_faked=(
        "freight, Mail Innovations, World Ease, Trade Direct, hazardous goods, COD",
        "return services, label recovery, receipts, SPL labels",
        "street-level address validation, Locator, Pickup, Paperless, Landed Cost, Time in Transit as its own API",
        "proof of delivery, delivery photos and milestones of the Tracking API",
        "the token UPS fetches from the customer's own OAuth endpoint before a Track Alert event",
        "contract prices: charges are our own list in the proportions of UPS's published rates",
    ),
)
