"""What tests that need a browser ask for first."""

from __future__ import annotations

import os

import pytest

from assay.browser import find_chromium
from assay.errors import InfrastructureError


def require_chromium() -> None:
    """Skip with the command that installs a browser, or fail under ASSAY_REQUIRE_ALL=1."""
    try:
        find_chromium()
    except InfrastructureError:
        reason = "no Chromium here: apt-get install -y chromium"
        if os.environ.get("ASSAY_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
