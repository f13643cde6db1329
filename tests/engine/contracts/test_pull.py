"""`assay contracts pull` keeps what is pinned and a document, says plainly what is not, and asks for nothing twice."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from assay.cli import cli
from assay.contracts.registry import held
from assay.profile import load_profile
from tests.serving import Quiet, serving

OPENAPI = b'{"openapi": "3.1.0", "info": {"title": "Pay", "version": "7"}, "paths": {}}'
PIN = hashlib.sha256(OPENAPI).hexdigest()
PAGES: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "/pay.json": (200, OPENAPI, {}),
    "/moved.json": (302, b"", {"location": "/pay.json"}),
    "/round.json": (301, b"", {"location": "/round.json"}),
    "/page.json": (200, b"<!DOCTYPE html><html><body>Please sign in</body></html>", {"content-type": "text/html"}),
    "/cut.json": (200, OPENAPI[:40], {}),
    "/private.json": (403, b"no", {}),
}


class Vendor:
    """A vendor's site: its address, and how often each path was asked for."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.address = ""


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    """A site with a document, a redirect, a web page, half a document, and one behind a sign-in."""
    site = Vendor()

    class Site(Quiet):
        def do_GET(self) -> None:
            site.asked[self.path] += 1
            status, body, headers = PAGES.get(self.path, (404, b"nothing here", {}))
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    with serving(Site) as site.address:
        yield site


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("ASSAY_SPECS", str(tmp_path / "specs"))


def pull(folder: Path, documents: str, *arguments: str) -> Result:
    """Write a profile with these documents of one system, and pull."""
    content = f'[systems.pay]\nrole = "payments"\nhost = "pay.example"\ndocuments = {documents}\n'
    (folder / "assay.toml").write_text(content + '[environments.local.systems]\npay = "simulated"\n')
    profile = ["--profile", str(folder / "assay.toml")]
    return CliRunner().invoke(cli, ["contracts", "pull", *profile, *arguments], catch_exceptions=False)


def test_a_pinned_document_is_fetched_once_and_used_offline(tmp_path: Path, vendor: Vendor) -> None:
    """What fits its pin is kept, not asked for again, and is what the registry then holds."""
    documents = f'[{{ at = "{vendor.address}/pay.json", sha256 = "{PIN}" }}]'
    first, second = pull(tmp_path, documents), pull(tmp_path, documents)
    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert "fetched" in first.output
    assert "here" in second.output
    assert vendor.asked == {"/pay.json": 1}
    systems = load_profile(tmp_path / "assay.toml").environment("local").systems
    assert held(systems, tmp_path).vendor("pay")[0].path.read_bytes() == OPENAPI


def test_another_file_than_the_pinned_one_is_not_kept(tmp_path: Path, vendor: Vendor) -> None:
    """A mismatch is exit 1 with both sums and the line that would pin the new one; the registry has no document."""
    run = pull(tmp_path, f'[{{ at = "{vendor.address}/pay.json", sha256 = "{"0" * 64}" }}]')
    assert run.exit_code == 1
    assert f"expected {'0' * 64}, seen {PIN}" in run.output
    assert f'{{ at = "{vendor.address}/pay.json", sha256 = "{PIN}" }},' in run.output
    systems = load_profile(tmp_path / "assay.toml").environment("local").systems
    assert not held(systems, tmp_path).vendor("pay")


def test_an_unpinned_document_is_kept_and_its_line_printed(tmp_path: Path, vendor: Vendor) -> None:
    """Without a checksum the document is kept by way of its redirect, and the line to paste is valid in assay.toml."""
    run = pull(tmp_path, f'["{vendor.address}/moved.json"]')
    assert run.exit_code == 0, run.output
    line = next(line for line in run.output.splitlines() if PIN in line)
    again = pull(tmp_path, f"[{line}]")
    assert (again.exit_code, "here" in again.output) == (0, True)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/page.json", "web page, no document"),
        ("/cut.json", "cut short"),
        ("/gone.json", "there is nothing at the address: status 404"),
        ("/private.json", "did not answer with a document: status 403"),
        ("/round.json", "without end"),
    ],
)
def test_what_is_no_document_is_said_and_the_rest_is_fetched(
    tmp_path: Path, vendor: Vendor, path: str, said: str
) -> None:
    """Exit 3 names the address, what came and what to do; the document beside it is kept all the same."""
    run = pull(tmp_path, f'["{vendor.address}{path}", "{vendor.address}/pay.json"]', "--json")
    assert run.exit_code == 3
    bad, good = json.loads(run.output)["documents"]
    assert said in bad["problem"]
    assert (bad["address"], bad["kept"]) == (vendor.address + path, False)
    assert bad["do"]
    assert (good["outcome"], good["sha256"], good["kept"]) == ("fetched", PIN, True)


def test_without_a_network_the_copy_from_before_stays(tmp_path: Path, vendor: Vendor) -> None:
    """An unpinned document that can no longer be fetched is exit 3, and the copy from before is used."""
    assert pull(tmp_path, f'["{vendor.address}/pay.json"]').exit_code == 0
    before: dict[str, Any] = PAGES.copy()
    PAGES["/pay.json"] = (500, b"", {})
    try:
        run = pull(tmp_path, f'["{vendor.address}/pay.json"]')
    finally:
        PAGES.update(before)
    assert run.exit_code == 3
    assert "the copy fetched before is used" in run.output
    assert "1 of 1 documents are on this machine" in run.output


def test_nothing_to_fetch_and_no_such_system(tmp_path: Path) -> None:
    """A system without an address is exit 5 with what to write; an unknown one exit 2 with the nearest name."""
    none, unknown = pull(tmp_path, '["mine.json"]'), pull(tmp_path, "[]", "pai")
    assert (none.exit_code, unknown.exit_code) == (5, 2)
    assert "nothing to fetch" in none.output
    assert "did you mean 'pay'?" in unknown.output
