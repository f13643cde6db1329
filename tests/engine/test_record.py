"""`assay record` with a real edge before a sandbox: recorded once, answered from the stubs with the sandbox gone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from tests.conftest import Project

pytestmark = [pytest.mark.needs_java, pytest.mark.usefixtures("installation"), pytest.mark.xdist_group("record")]
# The sandbox is our own simulator, running by itself in an environment without an edge.
PROFILE = """\
[systems.stripe]
role = "payments"
host = "api.stripe.com"
credentials = { api_key = "env:STRIPE_API_KEY", webhook_secret = "env:STRIPE_WEBHOOK_SECRET" }
test_credentials = { api_key = "sk_test_assay", webhook_secret = "whsec_assay" }

[environments.theirs]
view = "witness"
[environments.theirs.systems]
stripe = "simulated"

[environments.box.systems]
stripe = { mode = "sandbox", base_url = "SANDBOX" }
"""
PLATFORM = """
import json, urllib.parse, urllib.request
def call(path, **form):
    body = urllib.parse.urlencode(form).encode() if form else None
    asked = urllib.request.Request("https://api.stripe.com" + path, body, {"Authorization": "Bearer sk_test_assay"})
    return json.loads(urllib.request.urlopen(asked).read())
zoe = call("/v1/customers", email="zoe@shop.example", name="Zoe Blanc")
max = call("/v1/customers", email="max@shop.example", name="Max Noir", description="second")
bought = call("/v1/payment_intents", amount=1250, currency="eur", customer=zoe["id"])
assert call("/v1/payment_intents/" + bought["id"])["amount"] == 1250
print(json.dumps([zoe["id"], max["id"], bought["id"]]))
"""
COMMAND = ("--", sys.executable, "-c", PLATFORM)


@pytest.fixture(scope="module")
def boxed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A sandbox, and an edge before it, both up."""
    project = Project(tmp_path_factory.mktemp("boxed"))
    project.profile.write_text(PROFILE.replace("SANDBOX", "http://127.0.0.1:9"))
    up = project.assay("up", "--env", "theirs", "--json")
    assert up.returncode == 0, up.stderr
    (simulators,) = json.loads(up.stdout)["parts"]
    project.profile.write_text(PROFILE.replace("SANDBOX", simulators["urls"]["stripe"]))
    assert project.assay("up", "--env", "box").returncode == 0
    yield project
    project.assay("down", "--env", "box")
    project.assay("down", "--env", "theirs")


@pytest.fixture(scope="module")
def recorded(boxed: Project) -> list[str]:
    """The ids the platform was given while it was recorded."""
    done = boxed.assay("record", "stripe", "--env", "box", *COMMAND)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 stubs" in done.stdout
    found: list[str] = json.loads(done.stdout.splitlines()[0])
    return found


def test_names_and_masks(boxed: Project, recorded: list[str]) -> None:
    """Files are named by what was asked; no key, name or e-mail address of anybody is in them."""
    folder = boxed.path / "mocks" / "stripe" / "recorded"
    names = sorted(file.name for file in folder.iterdir())
    assert names == [
        f"get-v1-payment_intents-{recorded[2]}.json",
        "post-v1-customers-2.json",
        "post-v1-customers.json",
        "post-v1-payment_intents.json",
    ]
    text = "".join(file.read_text() for file in folder.iterdir())
    assert [word for word in ("zoe@", "Zoe", "Noir", "sk_test_assay", "127.0.0.1") if word in text] == []
    assert "person1@example.com" in text


def test_the_same_traffic_without_the_sandbox(boxed: Project, recorded: list[str]) -> None:
    """With the mode switched by one line and the sandbox stopped, the platform gets the same answers."""
    line = next(line for line in boxed.profile.read_text().splitlines() if "sandbox" in line)
    boxed.change(line, 'stripe = "recorded"')
    boxed.assay("down", "--env", "theirs")
    try:
        assert boxed.assay("up", "--env", "box").returncode == 0
        done = boxed.assay("proxy", "check", "--env", "box", *COMMAND)
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout.splitlines()[0]) == recorded
        refused = boxed.type("record", "stripe", "--env", "box", "--for", "1s")
        assert (refused.returncode, "stripe' is recorded" in refused.stderr) == (2, True)
    finally:
        boxed.change('stripe = "recorded"', line)
        assert boxed.assay("up", "--env", "theirs").returncode == 0
        assert boxed.assay("up", "--env", "box").returncode == 0


def test_nothing_to_record(boxed: Project) -> None:
    """A span without calls ends with 5; a misspelt system and neither span nor command with 2."""
    assert boxed.type("record", "stripe", "--env", "box", "--for", "1s").returncode == 5
    misspelt = boxed.type("record", "strpe", "--env", "box", "--for", "1s")
    assert (misspelt.returncode, "did you mean 'stripe'?" in misspelt.stderr) == (2, True)
    assert boxed.type("record", "stripe", "--env", "box").returncode == 2


def test_a_card_number_on_its_way_is_refused(boxed: Project) -> None:
    """A platform that sends a card number in clear is told where: exit 1, nothing written, the number not shown."""
    send = PLATFORM.split("zoe =")[0] + 'call("/v1/customers", description="4242424242424242")'
    done = boxed.assay("record", "stripe", "--env", "box", "--", sys.executable, "-c", send)
    assert done.returncode == 1
    assert "POST /v1/customers, request body description: a card number was sent" in done.stdout
    assert "4242424242424242" not in done.stdout + done.stderr
