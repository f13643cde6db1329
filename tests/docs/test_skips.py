"""A test that is skipped for want of a package says which command brings it, and no skip of that kind passes CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SKIPPING = """
import pytest

@pytest.fixture(scope="session")
def browser():
    pytest.skip("no browser here: apt-get install -y chromium")

def test_by_fixture(browser): ...

def test_by_itself():
    pytest.skip("no database here: apt-get install -y postgresql-15")

def test_for_another_reason():
    pytest.skip("the vendor's document is not here")
"""


@pytest.mark.parametrize(
    ("require", "counts"), [("0", "3 skipped"), ("1", "1 failed, 1 skipped, 1 error")], ids=["may skip", "must run"]
)
def test_what_a_package_would_bring_must_be_there(tmp_path: Path, require: str, counts: str) -> None:
    """Under ASSAY_REQUIRE_ALL=1 a skip that names its apt-get command fails and says so; any other skip stays one."""
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    options = ("-q", "-p", "tests.conftest", "-p", "no:cacheprovider", "-p", "no:locust", f"--rootdir={tmp_path}")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-rsfE", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ASSAY_REQUIRE_ALL": require},
        capture_output=True,
        text=True,
    )
    assert counts in done.stdout.splitlines()[-1], done.stdout + done.stderr
    for command in ("apt-get install -y chromium", "apt-get install -y postgresql-15"):
        assert command in done.stdout
