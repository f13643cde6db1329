"""Who may read the status page and who may change something by it: tokens, cookies, proxies, names and other sites."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from assay.errors import UsageError
from assay.profile_watch import Monitoring
from assay.reporting.status.app import guard_of, status_app
from assay.reporting.status.auth import Guard
from assay.store import open_store
from tests.engine.monitoring.status_data import MONITORS, Reader, Source

TOKEN = "correct horse battery staple"
READABLE = ("/", "/findings", "/drift", "/ledger", "/alerts", "/silences", "/monitors/storefront", "/live")
MACHINE = ("/metrics", "/readyz", "/api/v1/monitors", "/api/v1/openapi.json", "/api/v1/kill-switch")


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    """A process over an empty store."""
    store = open_store(tmp_path / "store.sqlite")
    yield Source(store=store, project=tmp_path, declared={each.name: each for each in MONITORS})
    store.close()


def reader(source: Source, guard: Guard, **more: Any) -> Reader:
    """Return somebody who reads."""
    return Reader(status_app(source, guard), **more)


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"authorization": f"Bearer {token}"}


def form_token(page: str) -> str:
    """Return the hidden field of a page's form."""
    found = re.search(r'name="form_token" value="(\w+)"', page)
    assert found is not None
    return found[1]


def test_on_loopback_everybody_of_this_machine_reads(source: Source) -> None:
    """Without a token and without a proxy, every page and call is open."""
    for path in (*READABLE, *MACHINE):
        assert reader(source, Guard()).get(path).status_code == 200, path


@pytest.mark.parametrize("host", ["shop.example", "127.0.0.1.shop.example", "localhost.evil.example:9464", "", "[::2]"])
def test_a_strange_host_name_is_refused_on_loopback(source: Source, host: str) -> None:
    """A site whose name was made to point here reads nothing, neither pages nor calls."""
    for path in (*READABLE, *MACHINE, "/login", "/static/status.js"):
        answer = reader(source, Guard()).get(path, headers={"host": host})
        assert answer.status_code == 421, path
        assert "order" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:9464", "localhost", "LOCALHOST:1", "[::1]:9464", "localhost."])
def test_this_machines_own_names_are_let_in(source: Source, host: str) -> None:
    """127.0.0.1, ::1 and localhost with any port."""
    assert reader(source, Guard()).get("/", headers={"host": host}).status_code == 200


def test_with_a_token_nothing_but_health_is_open(source: Source) -> None:
    """Pages lead to the form, calls and scrapes are 401 and say how; a wrong token is as good as none."""
    who = reader(source, Guard(token=TOKEN))
    for path in READABLE:
        for headers in (
            {},
            bearer("wrong"),
            {"authorization": "Basic Zm9v"},
            {"cookie": "assay_session=9999999999.ab"},
        ):
            answer = who.get(path, follow=False, headers=headers)
            assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")
    for path in MACHINE:
        answer = who.get(path, headers=bearer("wrong"))
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path
    assert who.get("/api/v1/monitors").headers["content-type"] == "application/problem+json"
    assert who.get("/healthz").status_code == 200


def test_the_bearer_of_the_token_reads_and_changes(source: Source) -> None:
    """A program sends the token with each call and needs no cookie."""
    who = reader(source, Guard(token=TOKEN))
    for path in (*READABLE, *MACHINE):
        assert who.get(path, headers=bearer(TOKEN)).status_code == 200, path
    answer = who.post("/api/v1/kill-switch", headers=bearer(TOKEN), json={"on": True})
    assert answer.json()["on"] is True and source.thrown == [(True, "the API")]


def test_the_form_lets_in_by_a_cookie_that_holds_no_token(source: Source) -> None:
    """Signing in sets an HttpOnly, SameSite=Strict cookie and leads back; signing out forgets it."""
    who = reader(source, Guard(token=TOKEN, secure=True), base="https://127.0.0.1")
    form = who.get("/silences").text
    fields = {"form_token": form_token(form), "token": TOKEN, "next": "/silences"}
    answer = who.post("/login", data=fields, follow=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/silences")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("assay_session=") and TOKEN not in cookie
    assert {"HttpOnly", "SameSite=strict", "Secure", "Path=/"} <= set(cookie.split("; "))
    page = who.get("/")
    assert page.status_code == 200 and "Sign out" in page.text
    who.post("/logout", data={"form_token": form_token(page.text)})
    assert who.get("/", follow=False).status_code == 303


def test_a_session_ends_and_dies_with_its_token(source: Source) -> None:
    """After half a day, or under another token, the cookie is worth nothing; a restarted process knows it."""
    at = [time.time()]
    cookie = {"cookie": f"assay_session={Guard(token=TOKEN, now=lambda: at[0]).new_session()}"}
    again = reader(source, Guard(token=TOKEN, now=lambda: at[0]))
    assert again.get("/", headers=cookie).status_code == 200
    assert reader(source, Guard(token="another")).get("/", headers=cookie, follow=False).status_code == 303
    at[0] += 13 * 3600
    assert again.get("/", headers=cookie, follow=False).status_code == 303
    longer = {"cookie": cookie["cookie"].replace("=", "=9")}
    assert again.get("/", headers=longer, follow=False).status_code == 303


def test_a_wrong_token_is_said_and_never_repeated(source: Source) -> None:
    """The form comes back with 401, without what was typed."""
    who = reader(source, Guard(token=TOKEN))
    fields = {"form_token": form_token(who.get("/login").text), "token": "almost right", "next": "/"}
    answer = who.post("/login", data=fields)
    assert answer.status_code == 401 and "That is not the token." in answer.text and "almost right" not in answer.text


@pytest.mark.parametrize(
    "back", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "/\r\nx"]
)
def test_signing_in_never_leads_elsewhere(source: Source, back: str) -> None:
    """What to go back to is a path of ours, or the overview."""
    who = reader(source, Guard(token=TOKEN))
    fields = {"form_token": form_token(who.get("/login").text), "token": TOKEN, "next": back}
    assert who.post("/login", data=fields, follow=False).headers["location"] == "/"


def test_a_trusted_proxy_names_the_user_and_nobody_else_does(source: Source) -> None:
    """The header is believed from the proxy's network alone, and where it stands once."""
    guard = Guard(user_header="X-User", trusted=(ip_network("10.0.0.0/8"),), hosts=frozenset())
    behind = reader(source, guard, peer="10.1.2.3")
    assert "Signed in as <bdi>ada</bdi>" in behind.get("/", headers={"x-user": "ada"}).text
    assert behind.get("/").status_code == 401
    twice = [("x-user", "ada"), ("x-user", "root")]
    assert behind.get("/", headers=twice).status_code == 401
    assert reader(source, guard, peer="192.0.2.1").get("/", headers={"x-user": "ada"}).status_code == 401
    assert reader(source, guard, peer="192.0.2.1").get("/healthz").status_code == 200
    mapped = reader(source, guard, peer="::ffff:10.1.2.3")
    assert mapped.get("/", headers={"x-user": "ada"}).status_code == 200


def test_a_change_is_noted_under_the_proxys_user(source: Source) -> None:
    """Who the proxy named silenced it, whatever the form or the call says."""
    guard = Guard(user_header="x-user", trusted=(ip_network("10.0.0.0/8"),), hosts=frozenset())
    who = reader(source, guard, peer="10.1.2.3")
    call = {"monitors": ["storefront"], "reason": "move", "seconds": 60, "by": "somebody else"}
    assert who.post("/api/v1/silences", json=call, headers={"x-user": "ada"}).json()["by"] == "ada"


FOREIGN = (
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:1"},
)


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_site_changes_nothing(source: Source, headers: dict[str, str]) -> None:
    """Forms and calls that a browser says come from elsewhere are refused before they are read."""
    who = reader(source, Guard())
    token = form_token(who.get("/").text)
    for path in ("/kill-switch", "/silences", "/monitors/storefront/silence", "/silences/1/end", "/login", "/logout"):
        assert who.post(path, data={"form_token": token, "on": "yes"}, headers=headers).status_code == 403, path
    assert who.post("/api/v1/kill-switch", json={"on": True}, headers=headers).status_code == 403
    assert who.request("DELETE", "/api/v1/silences/1", headers=headers).status_code == 403
    assert source.thrown == []


def test_a_form_without_its_pages_token_changes_nothing(source: Source) -> None:
    """The hidden field must be the one this browser was given."""
    who, other = reader(source, Guard()), reader(source, Guard())
    who.get("/")
    for token in ("", "0" * 64, form_token(other.get("/").text)):
        answer = who.post("/kill-switch", data={"form_token": token, "on": "yes"})
        assert answer.status_code == 403 and "out of date" in answer.text
    assert source.thrown == []


def test_a_plain_form_cannot_call_the_api(source: Source) -> None:
    """A form of another site can send text, never JSON: the type is asked for."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None):
        headers = {"content-type": kind} if kind else {}
        answer = reader(source, Guard()).post("/api/v1/kill-switch", content='{"on": true}', headers=headers)
        assert answer.status_code == 415
    assert source.thrown == []


def test_the_public_name_counts_as_ours(source: Source) -> None:
    """Behind a proxy, pages come from the public address, and that name is let in on loopback."""
    guard = guard_of(Monitoring(public_url="https://assay.shop.example/"))
    who = reader(source, guard)
    assert who.get("/", headers={"host": "assay.shop.example"}).status_code == 200
    headers = {"origin": "https://assay.shop.example", "sec-fetch-site": "same-origin"}
    assert who.post("/api/v1/kill-switch", json={"on": True}, headers=headers).status_code == 200
    assert guard.secure


def test_every_answer_carries_its_headers(source: Source) -> None:
    """No script or frame of others, no sniffing, nothing kept; the form's cookie is out of reach of scripts."""
    who = reader(source, Guard())
    for path in (*READABLE, *MACHINE, "/nix", "/healthz"):
        headers = who.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")
    cookie = reader(source, Guard()).get("/").headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    static = re.search(r'href="(/static/status.css\?\w+)"', who.get("/").text)
    assert static is not None and "immutable" in who.get(static[1]).headers["cache-control"]


def test_a_huge_body_is_refused(source: Source) -> None:
    """More than a form or a call ever has is not read to its end."""
    headers = {"content-type": "application/json"}
    assert reader(source, Guard()).post("/api/v1/silences", content=b" " * 70_000, headers=headers).status_code == 413
    assert reader(source, Guard()).post("/silences", content=b"a=" + b"b" * 70_000).status_code == 413


def test_a_token_that_is_not_set_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The profile names a variable; without it nothing is served, and the sentence names it."""
    monkeypatch.delenv("STATUS_TOKEN", raising=False)
    with pytest.raises(UsageError, match="token is not set") as refused:
        guard_of(Monitoring(token="env:STATUS_TOKEN", bind="0.0.0.0"))
    assert "STATUS_TOKEN" in str(refused.value)
    monkeypatch.setenv("STATUS_TOKEN", TOKEN)
    guard = guard_of(Monitoring(token="env:STATUS_TOKEN", bind="0.0.0.0"))
    assert guard.is_token(TOKEN) and guard.hosts == frozenset() and TOKEN not in repr(guard)
