"""karrio's UPS extension against the UPS simulator: rates, a shipment with its label, tracking, void and refusals."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import karrio.sdk as karrio
from karrio.core.models import RateRequest, ShipmentCancelRequest, ShipmentRequest, TrackingRequest
from karrio.mappers.ups.settings import Settings
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fidelity.session import Session, Step

DISTRIBUTION = "karrio-ups"
PARIS = {
    "person_name": "Élodie Durand",
    "company_name": "Assay & Söhne",
    "address_line1": "12 rue de la Paix",
    "city": "Paris",
    "postal_code": "75002",
    "country_code": "FR",
    "phone_number": "+33 1 02 03 04 05",
    "email": "shop@example.com",
}
BERLIN = {
    "person_name": "Zoë Müller",
    "address_line1": "Hauptstraße 5",
    "city": "Berlin",
    "postal_code": "10115",
    "country_code": "DE",
    "phone_number": "+49 30 123456",
    "email": "zoe@example.com",
}
NEW_YORK = {
    "person_name": "Jo Smith",
    "company_name": "Smith Inc",
    "address_line1": "1 Main St",
    "city": "New York",
    "state_code": "NY",
    "postal_code": "10001",
    "country_code": "US",
    "phone_number": "+1 212 555 0100",
}
CHICAGO = {
    **NEW_YORK,
    "address_line1": "233 S Wacker Dr",
    "city": "Chicago",
    "state_code": "IL",
    "postal_code": "60606",
}
METRIC = {"weight": 1.2, "length": 20.0, "width": 15.0, "height": 10.0, "weight_unit": "KG", "dimension_unit": "CM"}
IMPERIAL = {"weight": 3.0, "length": 8.0, "width": 6.0, "height": 4.0, "weight_unit": "LB", "dimension_unit": "IN"}


class Warehouse:
    """A sender that buys labels through karrio; only `server_url`, the property for the host, is another."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.gateway = self._gateway()
        self.tracking_number = ""

    def _gateway(self, *, secret: str = "assay-secret", country: str | None = "FR") -> Any:
        class Local(Settings):  # type: ignore[misc]  # karrio has no type information
            server_url = self.session.base_url

        settings = Local(
            client_id="assay-client", client_secret=secret, account_number="A1B2C3", account_country_code=country
        )
        return karrio.gateway["ups"].create(settings)

    def rate(self) -> str:
        """Shop rates with days in transit."""
        request = RateRequest(shipper=PARIS, recipient=BERLIN, parcels=[METRIC])
        rates, messages = karrio.Rating.fetch(request).from_(self.gateway).parse()
        assert not messages, messages
        assert len(rates) > 1
        assert {each.currency for each in rates} == {"EUR"}
        assert all(each.total_charge > 0 and each.transit_days >= 1 for each in rates), rates
        return ", ".join(f"{each.service} {each.total_charge} {each.currency}" for each in rates)

    def _ship(self, gateway: Any = None, **more: Any) -> Any:
        wish = {
            "shipper": PARIS,
            "recipient": BERLIN,
            "parcels": [METRIC],
            "service": "ups_standard",
            "reference": "1001",
            **more,
        }
        shipment, messages = karrio.Shipment.create(ShipmentRequest(**wish)).from_(gateway or self.gateway).parse()
        assert not messages, messages
        return shipment

    def ship(self) -> str:
        """Buy a label: an image that decodes, which karrio turns into a PDF."""
        shipment = self._ship()
        self.tracking_number = shipment.tracking_number
        assert self.tracking_number.startswith("1ZA1B2C3") and len(self.tracking_number) == 18
        with Image.open(io.BytesIO(self._last_label())) as image:
            image.load()
            form, size = image.format, image.size
            assert len(image.convert("L").getcolors(maxcolors=256) or ()) > 1, "a blank label"
        assert base64.b64decode(shipment.docs.label).startswith(b"%PDF-")
        return f"{self.tracking_number}, label {form} {size[0]}x{size[1]}"

    def _last_label(self) -> bytes:
        """Return the image UPS sent, from karrio's own trace of the exchange."""
        answers = [json.loads(record.data["response"]) for record in self.gateway.tracer.records if _is_label(record)]
        return base64.b64decode(
            answers[-1]["ShipmentResponse"]["ShipmentResults"]["PackageResults"][0]["ShippingLabel"]["GraphicImage"]
        )

    def ship_two_parcels(self) -> str:
        """Buy labels for two parcels of one shipment."""
        shipment = self._ship(parcels=[METRIC, {**METRIC, "weight": 2.5}])
        numbers = shipment.meta["tracking_numbers"]
        assert len(set(numbers)) == 2
        return ", ".join(numbers)

    def ship_domestic(self) -> str:
        """Ship within the United States in pounds and inches."""
        gateway = self._gateway(country="US")
        shipment = self._ship(gateway, shipper=NEW_YORK, recipient=CHICAGO, parcels=[IMPERIAL], service="ups_ground")
        return str(shipment.tracking_number)

    def _track(self, number: str) -> Any:
        found, messages = karrio.Tracking.fetch(TrackingRequest(tracking_numbers=[number])).from_(self.gateway).parse()
        assert not messages, messages
        return found[0]

    def track(self) -> str:
        """Track the parcel from label to delivery as time passes."""
        seen = [self._track(self.tracking_number)]
        assert (seen[0].delivered, len(seen[0].events)) == (False, 1)
        for hours in (24, 26):
            self.session.advance(hours=hours)
            # karrio keeps its token by the real clock, UPS forgets it by the simulated one: a later process, then.
            self.gateway = self._gateway()
            seen.append(self._track(self.tracking_number))
        assert [each.delivered for each in seen] == [False, False, True]
        assert len(seen[0].events) < len(seen[1].events) < len(seen[2].events)
        latest = seen[2].events[0]
        assert seen[2].tracking_number == self.tracking_number
        assert latest.date and latest.time
        return f"{' > '.join(each.status for each in seen)}, {len(seen[2].events)} events, {latest.description}"

    def void(self) -> str:
        """Void a label UPS has not seen yet; the parcel delivered before cannot be voided."""
        shipment = self._ship()
        request = ShipmentCancelRequest(shipment_identifier=shipment.shipment_identifier)
        done, messages = karrio.Shipment.cancel(request).from_(self.gateway).parse()
        assert done is not None and done.success, messages
        late = ShipmentCancelRequest(shipment_identifier=self.tracking_number)
        refused, messages = karrio.Shipment.cancel(late).from_(self.gateway).parse()
        assert refused is None
        return f"voided, then {messages[0].code} {messages[0].message}"

    def refuse(self) -> str:
        """A wrong address, an unknown number and wrong credentials come back as UPS's messages."""
        wrong = RateRequest(shipper=PARIS, recipient={**NEW_YORK, "postal_code": "1"}, parcels=[METRIC])
        _, address = karrio.Rating.fetch(wrong).from_(self.gateway).parse()
        query = TrackingRequest(tracking_numbers=["1ZA1B2C30000000000"])
        found, unknown = karrio.Tracking.fetch(query).from_(self.gateway).parse()
        stranger = self._gateway(secret="wrong")
        right = RateRequest(shipper=PARIS, recipient=BERLIN, parcels=[METRIC])
        _, login = karrio.Rating.fetch(right).from_(stranger).parse()
        assert address and unknown and login and not found, (address, unknown, login, found)
        return ", ".join(str(messages[0].code) for messages in (address, unknown, login))


def _is_label(record: Any) -> bool:
    return record.key == "response" and "GraphicImage" in str(record.data)


def steps(session: Session) -> Sequence[Step]:
    """Return the whole flow."""
    warehouse = Warehouse(session)
    return (
        warehouse.rate,
        warehouse.ship,
        warehouse.ship_two_parcels,
        warehouse.ship_domestic,
        warehouse.track,
        warehouse.void,
        warehouse.refuse,
    )
