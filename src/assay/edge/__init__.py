"""The edge: the WireMock process between the platform under test and everything outside."""

from __future__ import annotations

from assay.edge.admin import Admin, EdgeGone
from assay.edge.archive import prepare
from assay.edge.control import load_routes, set_faults, touch
from assay.edge.faults import Fault
from assay.edge.install import Installation, Java, adopt_jar, find_jar, find_java, install_jar
from assay.edge.journal import Body, Exchange, Gap, Harvested, Harvester
from assay.edge.process import EdgeProcess, EdgeState, attach, is_running, start_edge, stop_edge
from assay.edge.routes import ReverseRoute, Route, RouteTable
from assay.edge.stubs import holds_card_number, holds_masked_card, load_stubs, read_stubs, refuse_card_numbers

__all__ = [
    "Admin",
    "Body",
    "EdgeGone",
    "EdgeProcess",
    "EdgeState",
    "Exchange",
    "Fault",
    "Gap",
    "Harvested",
    "Harvester",
    "Installation",
    "Java",
    "ReverseRoute",
    "Route",
    "RouteTable",
    "adopt_jar",
    "attach",
    "find_jar",
    "find_java",
    "holds_card_number",
    "holds_masked_card",
    "install_jar",
    "is_running",
    "load_routes",
    "load_stubs",
    "prepare",
    "read_stubs",
    "refuse_card_numbers",
    "set_faults",
    "start_edge",
    "stop_edge",
    "touch",
]
