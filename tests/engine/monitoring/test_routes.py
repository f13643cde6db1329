"""Routes: apprise over a real HTTP server, a real Alertmanager, and every way in which one may be wrong."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.alerts import check_routes
from assay.alerts.routes import Undeliverable, open_route
from assay.alerts.text import Message
from assay.edge.sockets import free_port
from assay.errors import UsageError
from assay.monitor import AlertRule
from assay.store import Store, open_store
from tests.engine.monitoring.night import APPRISE_IS_OLD, MIDNIGHT, Ear, Night, listening, profile_of, watch
from tests.engine.parts import program

pytestmark = APPRISE_IS_OLD


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Store]:
    """A store of its own."""
    store = open_store(tmp_path / "store.sqlite")
    yield store
    store.close()


def note(**more: Any) -> Message:
    """Return a message of an alert."""
    return Message(
        **{
            "kind": "firing",
            "alert": "checkout",
            "subject": "[PAGE] FAILING: checkout",
            "text": "FAILING",
            "severity": "page",
            "labels": {"alertname": "AssayFailing", "environment": "production", "monitor": "checkout"},
            "annotations": {"summary": "checkout", "description": "FAILING", "runbook_url": "runbooks/checkout.md"},
            "starts_at": MIDNIGHT,
            **more,
        }
    )


def refusal(tmp_path: Path, route: dict[str, Any], message: Message | None = None, *, name: str = "chat") -> str:
    """Return why a route did not take a message."""
    profile = profile_of(tmp_path, routes={"chat": route})
    with pytest.raises(Undeliverable) as caught:
        open_route(name, profile.alerts).send(message or note(), MIDNIGHT)
    return str(caught.value)


def test_a_route_that_does_not_exist_is_a_mistake_of_the_monitor(tmp_path: Path) -> None:
    """It is refused when monitors are read, with what was meant; where it is found later it is undeliverable."""
    profile = profile_of(tmp_path)
    monitors = {"checkout": watch(alert=AlertRule(routes=("chatt",)))}
    with pytest.raises(UsageError) as caught:
        check_routes(profile.alerts, monitors)
    assert "monitor 'checkout' wants to be told by route 'chatt', which does not exist" in str(caught.value)
    assert "did you mean 'chat'?" in str(caught.value)
    check_routes(profile.alerts, {"checkout": watch(alert=AlertRule(routes=("chat",)))})
    assert "there is no [alerts.routes.chatt] in assay.toml; did you mean 'chat'?" in refusal(
        tmp_path, {"url": "env:NIGHT_CHAT"}, name="chatt"
    )


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (None, "NIGHT_CHAT is not set; export it with an apprise address"),
        ("", "NIGHT_CHAT is not set"),
        (
            "hooks.example/T0/secret-token",
            "holds no address that apprise understands: it does not begin with a service",
        ),
        ("nosuch://user:secret-token@host", "holds no address that apprise understands: 'nosuch://' begins it"),
        ("slack://secret-token", "holds no address that apprise understands: 'slack://' begins it"),
    ],
)
def test_an_address_that_is_none_is_said_without_its_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str | None, said: str
) -> None:
    """Unset, empty, no address, an unknown service, one that lacks its parts: a sentence with what to do."""
    if address is not None:
        monkeypatch.setenv("NIGHT_CHAT", address)
    text = refusal(tmp_path, {"url": "env:NIGHT_CHAT"})
    assert said in text
    assert "secret-token" not in text


def test_what_a_service_says_never_holds_its_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """User, password, path and query of an address stay out of what is kept and said."""
    with listening() as ear:
        ear.status = 403
        address = f"json://zoe:s3cr3t-word@127.0.0.1:{ear.port}/T0KEN0/path?+X-Key=topsecret"
        monkeypatch.setenv("NIGHT_CHAT", address)
        text = refusal(tmp_path, {"url": "env:NIGHT_CHAT"})
    assert "403" in text
    for secret in ("s3cr3t-word", "T0KEN0", "topsecret", "zoe"):
        assert secret not in text


def test_a_dead_address_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens there: apprise's own word for it."""
    monkeypatch.setenv("NIGHT_CHAT", f"json://127.0.0.1:{free_port()}/hook")
    assert "Connection error" in refusal(tmp_path, {"url": "env:NIGHT_CHAT"})


def test_a_message_of_a_megabyte_is_cut(kept: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A finding with a megabyte in every field arrives as a text that can be read, and so is it kept."""
    with listening() as ear:
        monkeypatch.setenv("NIGHT_CHAT", ear.apprise)
        night = Night(kept, profile_of(tmp_path), {"checkout": watch(customers="c" * 1_000_000)})
        from tests.engine.monitoring.night import wrong

        big = "x y" * 350_000
        night.runs(
            *["failed"] * 3,
            findings=tuple(
                wrong(order_ref=big, expected=big, seen=big, cause=big, evidence=(big,) * 9) for _ in range(9)
            ),
            trouble=(big,) * 9,
            stack=big,
        )
        assert len(ear.heard) == 1
        assert 1000 < len(ear.heard[0]["message"]) <= 4000
        assert len(ear.heard[0]["title"]) <= 130
        assert "(cut" in ear.heard[0]["message"]
        assert len(json.dumps(dict(kept.alerts.load("production")[0].memory))) < 20_000


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [(500, b"out of order", "Alertmanager answered 500: out of order"), (400, b"", "Alertmanager answered 400:")],
)
def test_an_alertmanager_that_refuses_is_said(tmp_path: Path, status: int, body: bytes, said: str) -> None:
    """Its status and the beginning of what it says."""
    with listening() as ear:

        def answer(handler: Any) -> None:
            handler.send_response(status)
            handler.send_header("content-length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        ear.act = answer
        assert said in refusal(tmp_path, {"alertmanager": ear.url})


def test_an_alertmanager_that_is_away_is_said(tmp_path: Path) -> None:
    """Nobody listens there: what did not answer, and no traceback."""
    assert "Alertmanager did not answer" in refusal(tmp_path, {"alertmanager": f"http://127.0.0.1:{free_port()}"})


def test_an_alertmanager_below_a_path_is_found(tmp_path: Path) -> None:
    """An address with a path keeps it, and the alert has the form of the API's version 2."""
    with listening() as ear:
        profile = profile_of(tmp_path, routes={"am": {"alertmanager": f"{ear.url}/am/"}})
        said = open_route("am", profile.alerts).send(note(link="https://status.example/x"), MIDNIGHT)
    assert said == "Alertmanager answered 200"
    [[alert]] = ear.heard
    assert alert["startsAt"] == "2026-03-02T00:00:00.000Z"
    assert alert["endsAt"] == "2026-03-02T00:15:00.000Z"
    assert alert["generatorURL"] == "https://status.example/x"
    assert alert["labels"]["alertname"] == "AssayFailing"


@contextmanager
def alertmanager(folder: Path, hook: Ear) -> Iterator[str]:
    """Run a real Alertmanager that tells a webhook, and give its address."""
    binary = program("prometheus-alertmanager")
    port = free_port()
    folder.mkdir()
    (folder / "config.yml").write_text(
        "route: {receiver: hook, group_by: [alertname, monitor], group_wait: 0s, group_interval: 1s}\n"
        f"receivers: [{{name: hook, webhook_configs: [{{url: 'http://127.0.0.1:{hook.port}/'}}]}}]\n"
    )
    command = (
        str(binary), f"--config.file={folder / 'config.yml'}", f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
    )  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 20
        while not _ready(address):
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)


def _ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/-/ready", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def held(address: str) -> list[Any]:
    """Return the alerts an Alertmanager holds as active."""
    with urllib.request.urlopen(f"{address}/api/v2/alerts?active=true", timeout=5) as answer:
        return list(json.load(answer))


def test_a_real_alertmanager_hears_it_begin_worsen_and_end(kept: Store, tmp_path: Path) -> None:
    """Unknown, then failing, then over: one alert at a time, with our labels and text, and the webhook hears each."""
    with listening() as hook, alertmanager(tmp_path / "am", hook) as address:
        profile = profile_of(tmp_path, routes={"am": {"alertmanager": address}})
        night = Night(kept, profile, {"checkout": watch(interval_s=86_400.0)})
        night.at = MIDNIGHT.replace(year=2020)  # an Alertmanager takes its own clock for what is over
        now = time.time()
        night.at = MIDNIGHT + timedelta(seconds=round(now - MIDNIGHT.timestamp()) - 600)
        night.runs("error", "error", "error")
        assert [each["labels"]["alertname"] for each in held(address)] == ["AssayUnknown"]
        night.run("failed")
        [alert] = held(address)
        assert alert["labels"] == {
            "alertname": "AssayFailing",
            "environment": "production",
            "monitor": "checkout",
            "severity": "page",
            "owner": "shop team",
        }
        assert "Expected:  8,000 JPY" in alert["annotations"]["description"]
        assert alert["annotations"]["runbook_url"] == "monitors/runbooks/checkout.md"
        assert alert["generatorURL"] == "https://status.example/assay/monitors/checkout"
        night.runs("passed", "passed")
        assert held(address) == []
        deadline = time.monotonic() + 20
        while not any(each["status"] == "resolved" and "AssayFailing" in str(each) for each in hook.heard):
            assert time.monotonic() < deadline, hook.heard
            time.sleep(0.1)


def test_what_still_fires_is_told_again_before_it_expires(kept: Store, tmp_path: Path) -> None:
    """An Alertmanager that was started anew, or would let an alert expire, hears of it every few minutes."""
    with listening() as ear:
        profile = profile_of(tmp_path, routes={"am": {"alertmanager": ear.url}})
        night = Night(kept, profile, {"checkout": watch(interval_s=86_400.0)})
        night.runs("failed", "failed", "failed")
        ear.heard.clear()
        night.pass_time(300)
        [[alert]] = ear.heard
        assert alert["labels"]["alertname"] == "AssayFailing"
        assert re.match(r"2026-03-02T00:23", alert["endsAt"])
        night.runs("passed", "passed")
        ear.heard.clear()
        night.pass_time(300)
        assert ear.heard == []
