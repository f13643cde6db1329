"""The one rule for parts that a package of the system brings: absent, a test skips with the command that installs it.

Such a skip is counted by pytest as any other, and fails under ASSAY_REQUIRE_ALL=1 (`tests.conftest` turns every skip
that names an apt-get command into a failure), so that nothing is passed over unseen where everything must run.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NoReturn

import pytest

PACKAGES = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
    "prometheus-blackbox-exporter": "prometheus-blackbox-exporter",
}
"""Which Debian package brings a program."""


def program(name: str) -> Path:
    """Return where a program of `PACKAGES` is; skip with the command that brings it where it is not."""
    found = shutil.which(name)
    if found is None:
        missing(f"no {name} here", PACKAGES[name])
    return Path(found)


def missing(what: str, package: str) -> NoReturn:
    """Skip the test for want of a package."""
    pytest.skip(f"{what}: apt-get install -y {package}")
