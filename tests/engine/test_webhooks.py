"""Webhooks into a laptop: the vendor's own list of events, signed with the local secret, posted to the platform."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import stripe

from tests.conftest import Project
from tests.serving import Quiet, serving

pytestmark = pytest.mark.xdist_group("webhooks")
SECRET = "whsec_assay"
PROFILE = """\
[systems.shop]
role = "shop"

[systems.stripe]
role = "payments"
host = "api.stripe.com"
webhook = "/hooks/stripe"
credentials = {{ api_key = "env:STRIPE_API_KEY", webhook_secret = "env:STRIPE_WEBHOOK_SECRET" }}
test_credentials = {{ api_key = "sk_test_assay", webhook_secret = "whsec_assay" }}

[systems.ups]
role = "carrier"
host = "onlinetools.ups.com"
credentials = {{ client_id = "env:UPS_CLIENT_ID", client_secret = "env:UPS_CLIENT_SECRET" }}

[systems.bank]
role = "other"
host = "bank.example"
webhook = "/hooks/stripe"
credentials = {{ webhook_secret = "env:BANK_SECRET" }}

[environments.local]
view = "witness"
[environments.local.systems]
shop = {{ mode = "live", base_url = "{shop}" }}
stripe = {{ mode = "simulated", settings = {{ webhook_url = "http://127.0.0.1:9/" }} }}
ups = {{ mode = "sandbox", base_url = "https://wwwcie.ups.com" }}
bank = "live"
"""
BANK = """\
import json
from assay.connectors.stripe import StripeEvent, sign

def decode_event(event):
    return StripeEvent(ref=event["id"], kind="paid", created_at=None, body=json.dumps(event).encode())
"""


class _Shop(Quiet):
    """A platform that checks Stripe's signature with Stripe's own library."""

    protocol_version = "HTTP/1.1"
    taken: list[tuple[str, Any]]

    def do_POST(self) -> None:
        """Take an event whose signature holds."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status = 200
        try:
            event = stripe.Webhook.construct_event(body, self.headers["Stripe-Signature"], SECRET)
            self.taken.append((self.path, event["id"]))
        except (stripe.SignatureVerificationError, ValueError):
            status = 400
        self.send_response(status if self.path == "/hooks/stripe" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture(scope="module")
def shop() -> Iterator[tuple[str, list[Any]]]:
    """A platform's address, and the events it took."""
    taken: list[Any] = []
    with serving(type("Bound", (_Shop,), {"taken": taken})) as url:
        yield url, taken


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory, shop: tuple[str, list[Any]]) -> Iterator[Project]:
    """A vendor with three events whose own webhooks reach nobody."""
    project = Project(tmp_path_factory.mktemp("laptop"))
    project.profile.write_text(PROFILE.format(shop=shop[0]))
    up = project.assay("up", "--json")
    assert up.returncode == 0, up.stderr
    (simulators,) = json.loads(up.stdout)["parts"]
    for amount in ("1000", "2000", "3000"):
        form = {"amount": amount, "currency": "eur"}
        headers = {"Authorization": "Bearer sk_test_assay"}
        httpx.post(f"{simulators['urls']['stripe']}/v1/payment_intents", data=form, headers=headers).raise_for_status()
    yield project
    assert project.assay("down").returncode == 0


def test_pull_posts_what_the_vendor_lists(laptop: Project, shop: tuple[str, list[Any]]) -> None:
    """Each event arrives once, oldest first, at the profile's path, with a signature the vendor's library takes."""
    shop[1].clear()
    done = laptop.type("webhooks", "pull", "stripe", "--since", "1h")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 taken" in done.stdout
    assert [path for path, _ in shop[1]] == ["/hooks/stripe"] * 3
    assert [line.split()[1] for line in done.stdout.splitlines()[:3]] == [ref for _, ref in shop[1]]
    assert "payment_intent.created" in done.stdout


def test_replay_signs_afresh(laptop: Project, shop: tuple[str, list[Any]]) -> None:
    """Events kept in a file are sent again in their order; a vendor's own list as JSON works with --system."""
    file = laptop.path / "events.jsonl"
    assert laptop.type("webhooks", "pull", "stripe", "--save", str(file)).returncode == 0
    events = [json.loads(line)["event"] for line in file.read_text().splitlines()]
    shop[1].clear()
    assert laptop.type("webhooks", "replay", str(file)).returncode == 0
    assert [ref for _, ref in shop[1]] == [event["id"] for event in events]
    raw = laptop.path / "raw.json"
    raw.write_text(json.dumps({"object": "list", "data": events[:1]}))
    asked = laptop.type("webhooks", "replay", str(raw))
    assert (asked.returncode, "--system NAME" in asked.stderr) == (2, True)
    assert laptop.type("webhooks", "replay", str(raw), "--system", "stripe").returncode == 0


def test_a_platform_that_refuses(laptop: Project, shop: tuple[str, list[Any]]) -> None:
    """A wrong path or a platform that is away: each event with its status or the reason, exit 1."""
    wrong = laptop.type("webhooks", "pull", "stripe", "--to", f"{shop[0]}/elsewhere")
    assert (wrong.returncode, wrong.stdout.count("404")) == (1, 3)
    away = laptop.type("webhooks", "pull", "stripe", "--to", "http://127.0.0.1:9/hooks")
    assert (away.returncode, away.stdout.count("did not answer")) == (1, 3)


def test_what_webhooks_cannot_do(laptop: Project) -> None:
    """No event at all: 5. A vendor without a list, a misspelt one, a broken file: 2 with the mend."""
    (laptop.path / "none.jsonl").write_text("[]")
    assert laptop.type("webhooks", "replay", "none.jsonl", "--system", "stripe").returncode == 5
    ups = laptop.type("webhooks", "pull", "ups")
    assert (ups.returncode, "tunnel" in ups.stderr) == (2, True)
    assert "did you mean 'stripe'?" in laptop.type("webhooks", "pull", "strip").stderr
    (laptop.path / "odd.jsonl").write_text('{"id": "evt_1"}\n{"id": \n')
    odd = laptop.type("webhooks", "replay", "odd.jsonl", "--system", "stripe")
    assert (odd.returncode, "odd.jsonl:2" in odd.stderr) == (2, True)


def test_a_vendor_of_ones_own_signs_by_its_own_connector(laptop: Project, shop: tuple[str, list[Any]]) -> None:
    """A connector in the project's own folder is found, and its events are signed by its own functions."""
    (laptop.path / "connectors").mkdir()
    (laptop.path / "connectors" / "bank.py").write_text(BANK)
    (laptop.path / "paid.json").write_text('{"id": "evt_bank", "object": "event"}')
    shop[1].clear()
    done = laptop.assay("webhooks", "replay", "paid.json", "--system", "bank", env={"BANK_SECRET": SECRET})
    assert done.returncode == 0, done.stdout + done.stderr
    assert shop[1] == [("/hooks/stripe", "evt_bank")]


def test_a_platform_that_takes_no_webhooks(laptop: Project) -> None:
    """`webhook = "none"` is a word of the profile; whoever pulls for such a platform is told."""
    whole = laptop.profile.read_text()
    laptop.profile.write_text(whole.replace('webhook = "/hooks/stripe"', 'webhook = "none"', 1))
    try:
        done = laptop.type("webhooks", "pull", "stripe")
        assert (done.returncode, 'webhook = "none"' in done.stderr) == (2, True)
    finally:
        laptop.profile.write_text(whole)


def test_without_the_local_secret(laptop: Project) -> None:
    """Where the platform's own secret is not set, the line that names it is said."""
    whole = laptop.profile.read_text()
    laptop.change(', webhook_secret = "env:STRIPE_WEBHOOK_SECRET"', "")
    laptop.change(', webhook_secret = "whsec_assay"', "")
    try:
        done = laptop.type("webhooks", "pull", "stripe")
        assert done.returncode == 2
        assert 'webhook_secret = "env:STRIPE_WEBHOOK_SECRET"' in done.stderr
    finally:
        laptop.profile.write_text(whole)
