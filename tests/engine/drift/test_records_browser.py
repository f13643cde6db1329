"""The page of compared records in a real browser: on a telephone, on a tablet and wide, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine.browser.chromium import running_chromium
from tests.engine.drift import told
from tests.engine.monitoring.test_status_browser import CUT, FAINT, WIDE

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with running_chromium() as running:
        yield running


def test_every_state_can_be_read_at_every_width(browser: Browser, tmp_path: Path) -> None:
    """All folded out, nothing overflows or is cut, text stands out in light and dark, and the console stays empty."""
    context = browser.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    for state, render in told.STATES.items():
        file = tmp_path / "page.html"
        file.write_bytes(render().encode("utf-8", "replace"))
        page.goto(file.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        for width in (320, 768, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") == width, (state, width)
            assert page.evaluate(WIDE) == [], (state, width)
            assert page.evaluate(CUT) == [], (state, width)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate(FAINT) == [], (state, scheme)
    context.close()
    assert said == []
