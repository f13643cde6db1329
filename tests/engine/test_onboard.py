"""Onboarding says in one sentence what an own connector or its surroundings do wrong: the place, and the mend."""

from __future__ import annotations

import json
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from assay.local.project import plan_for
from assay.local.store_place import ledger_place
from assay.store import open_store
from tests.conftest import type_assay
from tests.engine.corner_shop import CONNECTOR, PROFILE, Corner, opened, write_project


@pytest.fixture
def corner() -> Iterator[Corner]:
    """The shop, listening."""
    with opened() as shop:
        yield shop


Onboard = Callable[..., dict[str, Any]]


@pytest.fixture
def project(corner: Corner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project for the shop; what it makes this process import is forgotten afterwards."""
    write_project(tmp_path, PROFILE.format(shop=corner.url, more=""))
    monkeypatch.setenv("SHOP_TOKEN", "geheim")
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_abc")
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = {name for name in sys.modules if name.split(".")[0] in ("connectors", "scenarios")}
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return _Forgetting.of(tmp_path, known)


class _Forgetting:
    """Keeps imported modules of one test out of the next."""

    known: set[str]

    @classmethod
    def of(cls, folder: Path, known: set[str]) -> Path:
        cls.known = known
        return folder


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    for name in [name for name in sys.modules if name.split(".")[0] in ("connectors", "scenarios")]:
        if name not in _Forgetting.known:
            del sys.modules[name]


@pytest.fixture
def onboard(project: Path) -> Onboard:
    """A function that changes the connector and returns what doctor says, by name of what it looked at."""

    def ask(*changes: tuple[str, str], env: str = "own") -> dict[str, Any]:
        path = project / "connectors/my_shop.py"
        text = path.read_text()
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path.write_text(text)
        done = type_assay("doctor", "--onboard", "--json", "--env", env, cwd=project)
        content: dict[str, Any] = json.loads(done.stdout)
        content["code"] = done.returncode
        content["said"] = {
            each["name"]: f"{each['state']}: {each['seen']} → {each['do']}" for each in content["checks"]
        }
        return content

    return ask


def test_a_shop_that_works_is_walked_to_the_end(onboard: Onboard, corner: Corner) -> None:
    """Each function is called once in order and said to work; one order was bought."""
    told = onboard()
    assert told["code"] == 0, told["said"]
    steps = ["connectors/my_shop.py", "place", "order", "order, unknown", "orders", "cancel_order", "undo"]
    assert list(told["said"]) == steps
    assert "find_by_marker" in told["said"]["cancel_order"]
    assert "12.50 EUR" in told["said"]["order"]
    assert list(corner.orders) == ["W-1"]
    assert "O-M5" in {each["oracle"] for each in told["switches"]}


@pytest.mark.parametrize(
    ("where", "old", "new", "said"),
    [
        (
            "order",
            'Money.of(shown["total"], "EUR")',
            'Money.of(float(shown["total"]), "EUR")',
            ["makes money of a float", "connectors/my_shop.py:", 'Money.of("15.40", "EUR")'],
        ),
        ("order", 'Money.of(shown["total"], "EUR")', '12.5', ["order.total is the float 12.5", "Money.of("]),
        (
            "order",
            'datetime.fromisoformat(shown["at"])',
            'datetime.fromisoformat(shown["at"]).replace(tzinfo=None)',
            ["order.placed_at is 2", "without a time zone", "tzinfo=UTC"],
        ),
        (
            "order, unknown",
            "            raise LookupError(path)\n",
            "            return None\n",
            ["raises TypeError", "raise LookupError(ref)"],
        ),
        (
            "order, unknown",
            '        return self._order(self._call("GET", f"/orders/{ref}"))',
            '        return self._order(self._call("GET", f"/orders/{ref}")) if ref.startswith("W") else None',
            ["order returned None for an order nobody placed", "raise LookupError(ref)"],
        ),
        (
            "order",
            '        return self._order(self._call("GET", f"/orders/{ref}"))',
            '        return self._call("GET", f"/orders/{ref}")',
            ["order returned a dict", "assay.records.Order"],
        ),
        (
            "place",
            '        return self._call("POST", "/orders", {"email": purchase.email})["id"]',
            "        raise NotImplemented" + "Error",
            ["place is not written yet", "connectors/my_shop.py:15"],
        ),
        (
            "place",
            '        return self._call("POST", "/orders", {"email": purchase.email})["id"]',
            '        self._call("POST", "/orders", {"email": purchase.email})',
            ["place returned a NoneType", "reference that order(ref) takes"],
        ),
        ("order", 'shown["total"], "EUR"', 'shown["sum"], "EUR"', ["looks for 'sum'", "connectors/my_shop.py:"]),
        ("orders", "def orders(self, since, until)", "def list(self, since, until)", ["lacks the verb orders"]),
        ("orders", "def orders(self, since, until)", "def orders(self)", ["orders cannot be called", "since, until"]),
        ("connectors/my_shop.py", "class MyShop", "class CornerShop", ["no class MyShop", "rename class CornerShop"]),
        ("connectors/my_shop.py", "HEAD = ", "HEAT = ", ["holds no HEAD"]),
        ("connectors/my_shop.py", "class MyShop:", "class MyShop", ["cannot be imported", "SyntaxError"]),
        (
            "orders",
            "        return [order for order in found if since <= order.placed_at < until]",
            "        return []",
            ["and not W-1", "read every page"],
        ),
        (
            "orders",
            "        return [order for order in found if since <= order.placed_at < until]",
            "        return found",
            ["does not filter by time"],
        ),
        (
            "orders",
            "since <= order.placed_at < until",
            "since.replace(tzinfo=None) <= order.placed_at",
            ["with and without a time zone", "connectors/my_shop.py:22"],
        ),
    ],
    ids=[
        "float_money", "float_total", "naive_time", "unknown_breaks", "none_for_missing", "dict", "not_written",
        "no_reference", "no_member", "lacks_verb", "wrong_parameters", "wrong_class", "no_head", "syntax", "not_listed",
        "not_filtered", "naive_compared",
    ],
)  # fmt: skip
def test_what_a_connector_does_wrong(onboard: Onboard, where: str, old: str, new: str, said: list[str]) -> None:
    """One thing wrong is one sentence under the function it belongs to, with the mend; exit 2."""
    told = onboard((old, new))
    assert told["code"] == 2
    assert where in told["said"], told["said"]
    for piece in ("wrong: ", *said):
        assert piece in told["said"][where], told["said"][where]
    assert len([each for each in told["checks"] if each["state"] in ("wrong", "broken")]) == 1


def test_a_walk_gives_its_goods_free(onboard: Onboard, project: Path, corner: Corner) -> None:
    """Whether it came to its end or not, nobody after it waits for the goods it bought."""
    onboard(('shown["total"], "EUR"', 'shown["sum"], "EUR"'))
    plan = plan_for("own", project / "assay.toml")
    with closing(open_store(ledger_place(plan))) as store:
        now = datetime.now(UTC)
        assert store.lease("own", ("sku:1",), holder="next", now=now, until=now + timedelta(hours=1)) == ("sku:1",)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, "who are you", ["the credential was refused", "env:SHOP_TOKEN"]),
        (
            502,
            "SSLError: [SSL: CERTIFICATE_VERIFY_FAILED] unable to get local issuer certificate",
            ["a certificate is not trusted", "assay proxy env", "ca_file"],
        ),
    ],
    ids=["credential", "ca"],
)
def test_what_the_shop_answers(onboard: Onboard, corner: Corner, status: int, body: str, said: list[str]) -> None:
    """A refused credential names where it is from; an edge's CA that the platform does not trust names the settings."""
    corner.answers["/orders"] = (status, body)
    told = onboard()
    assert told["code"] in (2, 3)
    assert all(piece in told["said"]["place"] for piece in said), told["said"]["place"]
    assert "geheim" not in json.dumps(told)


def test_a_certificate_nobody_here_knows(onboard: Onboard, project: Path) -> None:
    """A shop whose certificate this machine does not trust is told with the line that names its CA."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "corner")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, datetime(2026, 1, 1), datetime(2036, 1, 1))
    pem = project / "corner.pem"
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem.write_bytes(content + made.sign(key, SHA256()).public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the handshake fails, as it should
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"https://127.0.0.1:{server.server_address[1]}"
        (project / "assay.toml").write_text(PROFILE.format(shop=address, more=""))
        told = onboard()
        server.shutdown()
    assert told["code"] == 3
    assert "ca_file = under [environments.own]" in told["said"]["my_shop reachable"]
    assert "a certificate is not trusted" in told["said"]["place"]


def test_a_shop_of_pages_that_is_not_whole(onboard: Onboard, project: Path) -> None:
    """A connector over pages that leaves out what it must fill in is told which, before a browser is started."""
    head = CONNECTOR[: CONNECTOR.index("class MyShop")]
    text = f"from assay.browser import PagedShop\n{head}class MyShop(PagedShop):\n    patience_s = 1.0\n"
    (project / "connectors/my_shop.py").write_text(text)
    told = onboard()
    assert told["code"] == 2
    assert "class MyShop lacks buy, listed, read" in told["said"]["connectors/my_shop.py"]


def test_a_clock_that_is_ten_minutes_off(onboard: Onboard, corner: Corner) -> None:
    """The shop's Date header is held against this machine's clock: by how much, and which way."""
    corner.ahead = timedelta(minutes=10)
    told = onboard()
    assert told["code"] == 3
    assert "10 minutes ahead of this machine's" in told["said"]["my_shop clock"]
    assert "NTP" in told["said"]["my_shop clock"]


@pytest.mark.parametrize(
    ("env", "key", "said"),
    [
        ("production", "sk_test_abc", ["STRIPE_API_KEY holds a test key (sk_test_…)", "is production"]),
        ("sandbox", "sk_live_abc", ["STRIPE_API_KEY holds a live key (sk_live_…)", "real money would move"]),
    ],
)
def test_a_key_of_the_other_kind(
    onboard: Onboard, monkeypatch: pytest.MonkeyPatch, env: str, key: str, said: list[str]
) -> None:
    """A sandbox key in production and a live key elsewhere are wrong before anything is called; the key never shows."""
    monkeypatch.setenv("STRIPE_API_KEY", key)
    told = onboard(env=env)
    assert told["code"] == 2
    assert all(piece in told["said"]["stripe key"] for piece in said), told["said"]["stripe key"]
    assert key not in json.dumps(told)


def test_nothing_is_bought_in_production(onboard: Onboard, corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Production refuses the order; the walk goes on with the latest the shop lists, or says that there is none."""
    monkeypatch.setenv("STRIPE_API_KEY", "sk_live_abc")
    told = onboard(env="production")
    assert corner.orders == {}
    assert "nothing was sent" in told["said"]["place"]
    assert "lists no order" in told["said"]["orders"]


def test_a_gateway_that_refuses_the_key(onboard: Onboard, corner: Corner) -> None:
    """Another system's refused credential is named with its variable; the shop's functions are not blamed."""
    refusal = {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}
    corner.answers["/v1/payment_intents/pi_1"] = (401, json.dumps(refusal))
    corner.answers["/v1/payment_intents"] = (401, json.dumps(refusal))
    told = onboard(env="sandbox")
    assert "the credential was refused" in told["said"]["stripe"], told["said"]
    assert "env:STRIPE_API_KEY" in told["said"]["stripe"]
    assert told["said"]["order"].startswith("ok")


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        ((404, "{}"), "wrong", "stripe's webhooks cannot arrive: POST"),
        ((400, "{}"), "ok", "refuses what nobody signed"),
        ((200, "{}"), "note", "takes an event nobody signed"),
    ],
    ids=["absent", "there", "credulous"],
)
def test_a_webhook_nobody_answers(
    onboard: Onboard, project: Path, corner: Corner, answer: tuple[int, str], state: str, said: str
) -> None:
    """Where webhooks arrive is knocked at: a path that is not there is named with the line to mend."""
    text = PROFILE.format(shop=corner.url, more='webhook = "/hooks/stripe"')
    (project / "assay.toml").write_text(text)
    corner.answers["/hooks/stripe"] = answer
    told = onboard(env="sandbox")
    assert told["said"]["stripe webhook"].startswith(f"{state}: "), told["said"]
    assert said in told["said"]["stripe webhook"]


def test_a_folder_that_hides_the_shipped_vendors(onboard: Onboard, project: Path, corner: Corner) -> None:
    """mocks/__init__.py is named with the file to delete, and nothing is called."""
    (project / "mocks").mkdir()
    (project / "mocks/__init__.py").touch()
    told = onboard()
    assert told["code"] == 2
    assert "mocks/__init__.py hides everything" in told["said"]["suite folders"]
    assert f"delete {project / 'mocks/__init__.py'}" in told["said"]["suite folders"]
    assert corner.orders == {}


def test_card_numbers_in_recorded_traffic(onboard: Onboard, project: Path) -> None:
    """A recording with a whole card number is named by file and place; the number itself is not repeated."""
    folder = project / "mocks/bank/recorded"
    folder.mkdir(parents=True)
    answer = {"request": {"method": "GET"}, "response": {"status": 200, "jsonBody": {"card": "4111111111111111"}}}
    (folder / "charge.json").write_text(json.dumps(answer))
    told = onboard()
    assert told["code"] == 2
    assert "a card number stands in recorded traffic" in told["said"]["recorded traffic"]
    assert "mocks/bank/recorded/charge.json: response.jsonBody.card" in told["said"]["recorded traffic"]
    assert "4111111111111111" not in json.dumps(told)


def test_what_is_not_evaluated_is_offered_best_first(onboard: Onboard) -> None:
    """Every oracle is either evaluated or offered with what switches it on, the one that adds most first."""
    told = onboard()
    offers = told["switches"]
    gains = [each["gain"] for each in offers]
    assert gains == sorted(gains, reverse=True)
    assert not {each["oracle"] for each in offers} & set(told["evaluated"])
    by_name = {each["oracle"]: each["do"] for each in offers}
    assert "policies.rounding" in by_name["O-M5"]
    assert "order_text(ref)" in by_name["O-Z1"]
    assert "ID = " in by_name["O-E2"]
