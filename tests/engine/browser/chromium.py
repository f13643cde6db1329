"""What tests that need a browser ask for first."""

from __future__ import annotations

from assay.browser import find_chromium
from assay.errors import InfrastructureError
from tests.engine.parts import missing


def require_chromium() -> None:
    """Skip with the command that installs a browser, which fails under ASSAY_REQUIRE_ALL=1."""
    try:
        find_chromium()
    except InfrastructureError:
        missing("no Chromium here", "chromium")
