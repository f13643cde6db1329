"""The kit simulators are built from: ASGI glue, clock, ids, state, jobs, webhooks out. For mocks alone."""

from assay.simkit.account import VendorAccount
from assay.simkit.application import Application, Simulator
from assay.simkit.call import Answer, Call, Failure, Refused, Route
from assay.simkit.clock import SimClock, from_us, to_us
from assay.simkit.documents import Documents, Table
from assay.simkit.ids import SeededIds
from assay.simkit.world import World

__all__ = [
    "Answer",
    "Application",
    "Call",
    "Documents",
    "Failure",
    "Refused",
    "Route",
    "SeededIds",
    "SimClock",
    "Simulator",
    "Table",
    "VendorAccount",
    "World",
    "from_us",
    "to_us",
]
