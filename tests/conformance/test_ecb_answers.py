"""The ECB simulator's files against the file the ECB publishes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from xml.etree import ElementTree

import httpx
import pytest

from tests.conformance.openapi_judge import spec_file
from tests.mocks.conftest import SimulatedClock

Shape = tuple[str, tuple[str, ...], tuple["Shape", ...]]


def shape(element: ElementTree.Element) -> Shape:
    """Return the names of an element, its attributes and its kinds of children."""
    kinds = dict.fromkeys(shape(child) for child in element)
    return element.tag, tuple(sorted(element.attrib)), tuple(kinds)


@pytest.fixture
def published() -> bytes:
    """The ECB's own file of 9 May 2025."""
    return spec_file("ecb/eurofxref-daily.xml").read_bytes()


@pytest.fixture
def url(serve_simulator: Callable[..., str], sim_clock: SimulatedClock) -> str:
    """The simulated site on the evening of that day."""
    sim_clock.set(datetime(2025, 5, 9, 17, 0, tzinfo=UTC))
    return serve_simulator("ecb", seed=5) + "/stats/eurofxref/"


def test_the_daily_file_of_the_published_day_is_the_published_file(url: str, published: bytes) -> None:
    """On the anchor day names, order, digits and layout are the ECB's own, to the byte."""
    content = httpx.get(f"{url}eurofxref-daily.xml", trust_env=False).content
    assert content.strip() == published.strip()


def test_both_files_have_the_published_structure_on_any_day(
    url: str, published: bytes, sim_clock: SimulatedClock
) -> None:
    """Elements, namespaces and attributes of both files are those of the ECB's."""
    expected = shape(ElementTree.fromstring(published))
    sim_clock.set(datetime(2026, 9, 1, 17, 0, tzinfo=UTC))
    for name in ("eurofxref-daily.xml", "eurofxref-hist-90d.xml"):
        assert shape(ElementTree.fromstring(httpx.get(url + name, trust_env=False).content)) == expected
