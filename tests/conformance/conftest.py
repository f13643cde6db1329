"""Simulators as real servers, for what they answer to be held against the vendors' documents."""

from tests.mocks.conftest import SimulatedClock, sap_server, serve_simulator, sim_clock, stripe_server

__all__ = ["SimulatedClock", "sap_server", "serve_simulator", "sim_clock", "stripe_server"]
