"""Tests that share a landscape run in one process: pytest-xdist's groups hold in whatever versions are installed."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("together")
def test_a_group_is_known_to_whoever_hands_out_tests(request: pytest.FixtureRequest) -> None:
    """The group stands in the test's id, by which xdist deals; without it every landscape would be started twice."""
    worker = getattr(request.config, "workerinput", None)
    if worker is None or not request.config.getoption("loadgroup"):
        return  # one process: all are together
    assert request.node.nodeid.endswith("@together")
