"""The merchant is killed in the middle of many orders: afterwards every system holds each order exactly once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("crash")]


@pytest.mark.parametrize(
    "options",
    [
        ("--orders", "20", "--customers", "8", "--kill-at", "8"),
        pytest.param(("--orders", "200", "--kill-at", "100"), marks=pytest.mark.full),
        pytest.param(("--orders", "1000"), marks=pytest.mark.full),
    ],
)
def test_orders_payments_documents_and_labels_are_equal(options: tuple[str, ...], tmp_path: Path) -> None:
    """Shop orders, captured payments, sales orders and labels agree to the last one; nothing is oversold."""
    command = [sys.executable, str(ROOT / "benchmarks" / "thousand_orders.py"), *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("equal")
    assert ("killed" in done.stdout) == ("--kill-at" in options)
