"""Simulators as real servers, for what they answer to be held against the vendors' documents."""

from tests.mocks.conftest import SimulatedClock, serve_simulator, sim_clock

__all__ = ["SimulatedClock", "serve_simulator", "sim_clock"]
