"""`assay contracts refresh` asks a sandbox again for what was recorded and compares the shape of its answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from assay.cli import cli
from tests.serving import Quiet, serving

KEY = "sk_test_51Assay"
PROFILE = """\
[systems.stripe]
role = "payments"
host = "api.stripe.com"
credentials = {{ api_key = "env:STRIPE_API_KEY", webhook_secret = "env:STRIPE_WEBHOOK_SECRET" }}
[environments.box]
{environment}
[environments.box.systems]
stripe = {{ mode = "{mode}", base_url = "{address}" }}
"""
INTENT = {
    "id": "pi_1",
    "amount": 1250,
    "latest_charge": None,
    "customer": {"name": "Zoe Blanc", "email": "zoe@shop.example", "@type": "Person"},
    "lines": [{"sku": "A"}],
}
PATH = "/v1/payment_intents/pi_1"


class Sandbox:
    """A vendor's sandbox: its address, what it answers by path, and what it was asked."""

    def __init__(self) -> None:
        self.address = ""
        self.answers: dict[str, tuple[int, Any]] = {PATH: (200, INTENT)}
        self.asked: list[str] = []


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox that answers whoever has the key."""
    monkeypatch.setenv("STRIPE_API_KEY", KEY)
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_1")
    box = Sandbox()

    class Site(Quiet):
        def do_GET(self) -> None:
            box.asked.append(self.path)
            status, content = box.answers.get(self.path, (404, {"error": {"type": "invalid_request_error"}}))
            if self.headers["authorization"] != f"Bearer {KEY}":
                status, content = 401, {"error": {}}
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Site) as box.address:
        yield box


def recorded(folder: Path, name: str, request: Mapping[str, Any], body: object = INTENT, **more: Any) -> Path:
    """Write a recorded stub."""
    place = folder / "mocks" / "stripe" / "recorded"
    place.mkdir(parents=True, exist_ok=True)
    response = {"status": 200, "headers": {"content-type": "application/json"}, "jsonBody": body}
    (place / f"{name}.json").write_text(json.dumps({"name": name, "request": request, "response": response, **more}))
    return place / f"{name}.json"


def refresh(folder: Path, box: Sandbox, *more: str, mode: str = "sandbox", environment: str = "") -> Result:
    """Ask again for what was recorded in a project."""
    profile = folder / "assay.toml"
    profile.write_text(PROFILE.format(address=box.address, mode=mode, environment=environment))
    return CliRunner().invoke(cli, ["contracts", "refresh", "--env", "box", "--profile", str(profile), *more])


def test_other_values_are_the_same_shape(tmp_path: Path, sandbox: Sandbox) -> None:
    """New amounts, a filled null and more lines are no difference; nothing is written, and the query is asked again."""
    request = {"method": "GET", "urlPath": PATH, "queryParameters": {"expand[]": {"equalTo": "customer"}}}
    file = recorded(tmp_path, "one", request)
    before = file.read_text()
    fresh = {**INTENT, "amount": 9, "latest_charge": "ch_1", "lines": [{"sku": "B"}, {"sku": "C"}]}
    sandbox.answers = {f"{PATH}?expand%5B%5D=customer": (200, fresh)}
    done = refresh(tmp_path, sandbox, "--check")
    assert (done.exit_code, file.read_text()) == (0, before), done.output
    assert sandbox.asked == [f"{PATH}?expand%5B%5D=customer"]


def test_another_shape_is_named_by_path(tmp_path: Path, sandbox: Sandbox) -> None:
    """A member that is gone, one of another type and a new one are told with their paths; the first two are exit 1."""
    recorded(tmp_path, "one", {"method": "GET", "url": PATH})
    fresh = {**INTENT, "amount": "1250", "lines": [{"sku": "A", "tax": 1}], "customer": {"name": "Zoe"}}
    sandbox.answers[PATH] = (200, fresh)
    done = refresh(tmp_path, sandbox, "--check", "--json")
    (row,) = json.loads(done.stdout)["stubs"]
    assert [(each["problem"], each["path"]) for each in row["deviations"]] == [
        ("wrong type", "amount"),
        ("required field missing", "customer.@type"),
        ("required field missing", "customer.email"),
        ("undocumented field", "lines[].tax"),
    ]
    assert (done.exit_code, row["state"]) == (1, "differs")


def test_a_fresh_answer_is_written_masked(tmp_path: Path, sandbox: Sandbox) -> None:
    """Without --check the new answer stands in the file, nobody's name or address in it, the request as it was."""
    file = recorded(tmp_path, "one", {"method": "GET", "url": PATH}, priority=7)
    sandbox.answers[PATH] = (200, {**INTENT, "amount": 9})
    done = refresh(tmp_path, sandbox)
    stub = json.loads(file.read_text())
    assert (done.exit_code, stub["response"]["jsonBody"]["amount"], stub["priority"]) == (0, 9, 7), done.output
    assert "Zoe" not in file.read_text()
    assert "shop.example" not in file.read_text()
    assert stub["request"] == {"method": "GET", "url": PATH}


def test_what_is_gone_from_the_sandbox_is_kept(tmp_path: Path, sandbox: Sandbox) -> None:
    """A 404 where there was an answer is exit 1 and never written over what was recorded."""
    file = recorded(tmp_path, "one", {"method": "GET", "url": PATH})
    before = file.read_text()
    sandbox.answers.clear()
    done = refresh(tmp_path, sandbox)
    assert (done.exit_code, "undocumented status, expected 200 as recorded, seen 404" in done.output) == (1, True)
    assert file.read_text() == before


def test_only_what_changes_nothing_is_asked(tmp_path: Path, sandbox: Sandbox) -> None:
    """A POST, a pattern, a later answer and half a file are left out with the reason; if all are, it is exit 5."""
    recorded(tmp_path, "create", {"method": "POST", "url": "/v1/payment_intents"})
    recorded(tmp_path, "person", {"method": "GET", "urlPathPattern": "/v1/customers/[^/]+"})
    recorded(tmp_path, "second", {"method": "GET", "url": PATH}, requiredScenarioState="answer 2")
    (tmp_path / "mocks" / "stripe" / "recorded" / "half.json").write_text("{")
    done = refresh(tmp_path, sandbox, "--check")
    assert (done.exit_code, sandbox.asked) == (5, [])
    assert "POST would change the sandbox" in done.output
    assert "4 left out" in done.output


@pytest.mark.parametrize(
    ("mode", "environment", "code"), [("live", "production = true", 4), ("live", "", 4), ("stub", "", 2)]
)
def test_only_a_sandbox_is_asked(tmp_path: Path, sandbox: Sandbox, mode: str, environment: str, code: int) -> None:
    """Production and live systems are refused with exit 4, stubs with exit 2; nothing was sent."""
    recorded(tmp_path, "one", {"method": "GET", "url": PATH})
    done = refresh(tmp_path, sandbox, "--check", "stripe", mode=mode, environment=environment)
    assert (done.exit_code, sandbox.asked) == (code, []), done.output


def test_a_sandbox_that_is_down_is_exit_3(tmp_path: Path, sandbox: Sandbox) -> None:
    """Where nobody answers that is said of each stub, and is no verdict about them."""
    recorded(tmp_path, "one", {"method": "GET", "url": PATH})
    sandbox.address = "http://127.0.0.1:9"
    done = refresh(tmp_path, sandbox, "--check")
    assert (done.exit_code, "no answer" in done.output) == (3, True), done.output


def test_nothing_recorded(tmp_path: Path, sandbox: Sandbox) -> None:
    """A project without recorded stubs is told how to record some."""
    done = refresh(tmp_path, sandbox, "--check")
    assert (done.exit_code, "assay record SYSTEM" in done.output) == (2, True)
