"""UPS's services: between which places each runs, how many days it takes and what its list price is.

Prices are our own list in euro cents, in the proportions of UPS's published daily rates; they are no one's contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mocks.ups import place

Relation = Literal["us", "ca", "eu", "domestic", "north_america", "world"]


@dataclass(frozen=True, slots=True)
class Service:
    """One service: its code in requests, name, list price and speed, and the relations it runs in.

    base_cents: price of the first half kilogram; half_kg_cents: of each further one. arrives: HHMMSS of the commitment.
    tracking_code and tracking_level are how the Tracking API names it.
    """

    code: str
    name: str
    base_cents: int
    half_kg_cents: int
    business_days: int
    relations: frozenset[Relation]
    arrives: str = "233000"
    guaranteed: bool = True


def _service(
    code: str, name: str, price: tuple[int, int], days: int, relations: str, arrives: str = "233000"
) -> tuple[str, Service]:
    runs: frozenset[Relation] = frozenset(relations.split())  # type: ignore[arg-type]  # checked by a test
    return code, Service(code, name, *price, days, runs, arrives, arrives != "233000")


SERVICES: dict[str, Service] = dict(
    [
        _service("01", "UPS Next Day Air", (4_890, 310), 1, "us ca", "103000"),
        _service("02", "UPS 2nd Day Air", (2_390, 180), 2, "us ca", "200000"),
        _service("03", "UPS Ground", (1_090, 45), 3, "us"),
        _service("07", "UPS Worldwide Express", (5_650, 420), 2, "eu domestic north_america world", "120000"),
        _service("08", "UPS Worldwide Expedited", (4_150, 330), 4, "north_america world"),
        _service("11", "UPS Standard", (1_190, 62), 2, "eu domestic ca north_america"),
        _service("12", "UPS 3 Day Select", (1_790, 130), 3, "us"),
        _service("13", "UPS Next Day Air Saver", (4_390, 290), 1, "us ca", "150000"),
        _service("14", "UPS Next Day Air Early", (7_890, 330), 1, "us ca", "080000"),
        _service("54", "UPS Worldwide Express Plus", (8_690, 440), 2, "eu domestic north_america world", "090000"),
        _service("59", "UPS 2nd Day Air A.M.", (2_790, 190), 2, "us", "120000"),
        _service("65", "UPS Worldwide Saver", (4_790, 380), 2, "eu domestic north_america world", "233000"),
        _service("70", "UPS Access Point Economy", (990, 55), 4, "eu domestic"),
    ]
)
_RELATION_PERCENT: dict[Relation, int] = {
    "us": 100,
    "ca": 100,
    "domestic": 100,
    "eu": 135,
    "north_america": 150,
    "world": 240,
}
ZONES: dict[Relation, str] = {"us": "5", "ca": "3", "domestic": "1", "eu": "4", "north_america": "71", "world": "908"}


def relation(origin: str, destination: str) -> Relation:
    """Return what kind of way it is between two countries."""
    if origin == destination:
        special: dict[str, Relation] = {"US": "us", "PR": "us", "CA": "ca"}
        return special.get(origin, "domestic")
    if {origin, destination} == {"US", "PR"}:
        return "us"
    if origin in place.EU and destination in place.EU:
        return "eu"
    if {origin, destination} <= {"US", "CA", "MX", "PR"}:
        return "north_america"
    return "world"


def running(origin: str, destination: str) -> list[Service]:
    """Return the services between two countries, in the order of their codes."""
    way = relation(origin, destination)
    return [service for service in SERVICES.values() if way in service.relations]


def list_price_cents(service: Service, way: Relation, billed_half_kg: int) -> int:
    """Return the list price in euro cents of a parcel billed at that many half kilograms, before any surcharge."""
    further = max(billed_half_kg - 1, 0)
    return (service.base_cents + service.half_kg_cents * further) * _RELATION_PERCENT[way] // 100
