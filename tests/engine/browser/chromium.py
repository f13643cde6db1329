"""What tests that need a browser ask for first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from assay.browser import find_chromium
from assay.errors import InfrastructureError
from tests.engine.parts import missing

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def require_chromium() -> None:
    """Skip with the command that installs a browser, which fails under ASSAY_REQUIRE_ALL=1."""
    try:
        find_chromium()
    except InfrastructureError:
        missing("no Chromium here", "chromium")


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run the system's Chromium; skip where there is none."""
    require_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(find_chromium()), args=["--no-sandbox"])
        yield running
        running.close()
