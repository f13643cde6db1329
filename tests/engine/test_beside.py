"""What a run leaves beside its orders: logs that are searched from where the run began, for its own marks."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.flow import holder_of
from assay.local.plan import Plan
from assay.local.project import plan_for
from assay.runners.beside import PlatformLogs

PROFILE = """
[systems.shop]
role = "shop"
base_url = "http://127.0.0.1:1"
logs = ["logs/*.log"]
credentials = { key = "env:OWN_SHOP_KEY", publishable_key = "env:OWN_SHOP_PUBLISHABLE" }

[environments.local.systems]
shop = { mode = "live" }
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A shop of one's own that writes a log."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "assay.toml").write_text(PROFILE)
    return plan_for("local", tmp_path / "assay.toml")


def found(logs: PlatformLogs, *customers: str) -> list[str]:
    """Return what stands in the logs, by its kind."""
    return [trace.kind for scan in logs.searched(customers).scans for trace in scan.traces]


def test_only_what_was_written_since_is_searched(plan: Plan) -> None:
    """A leak of an earlier run is not this one's, and none is told twice; a log begun anew is read from its start."""
    log = plan.profile.folder / "logs" / "shop.log"
    log.write_text("4242424242424242\n")
    logs = PlatformLogs(plan)
    assert found(logs) == []
    with log.open("a") as file:
        file.write("paid with 4000056655665556\n")
    assert found(logs) == ["card number"]
    assert found(logs) == []
    log.write_text("5555555555554444\n")
    assert found(logs) == ["card number"]


def test_card_holders_and_credentials_are_marks(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name on a customer's card and a secret credential are found; an address and what is public are not."""
    monkeypatch.setenv("OWN_SHOP_KEY", "k-1234567890")
    monkeypatch.setenv("OWN_SHOP_PUBLISHABLE", "p-1234567890")
    logs = PlatformLogs(plan)
    text = f"zoe@example.com {holder_of('zoe@example.com')} k-1234567890 p-1234567890"
    (plan.profile.folder / "logs" / "new.log").write_text(text)
    assert sorted(found(logs, "zoe@example.com")) == ["card holder", "credential key"]


def test_a_log_that_is_not_there_is_said(plan: Plan) -> None:
    """A pattern of the profile that no file matches is named, so that the oracle is not evaluated instead of green."""
    [(role, why)] = PlatformLogs(plan).searched(()).unread
    assert (role, why.startswith("no file matches "), why.endswith("logs/*.log")) == ("logs", True, True)
