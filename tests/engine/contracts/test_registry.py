"""Every document of a system is found where it lies, by checksum, the profile first; what is missing is named."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from assay.contracts.catalogue import catalogue
from assay.contracts.registry import UNREADABLE, Registry, cached_file, held
from assay.errors import UsageError
from assay.profile import json_schema, load_profile
from tests.conformance.openapi_judge import SPECS

ROOT = Path(__file__).parents[3]
SMALL = """
[systems.{name}]
role = "payments"
host = "pay.example"
{more}
[environments.local.systems]
{name} = "simulated"
"""
OPENAPI = b'{"openapi": "3.1.0", "info": {"title": "Pay", "version": "7"}, "paths": {}}'


def registry(folder: Path, name: str, more: str = "", specs: Path | None = None) -> Registry:
    """Return the documents of a profile with one system."""
    (folder / "assay.toml").write_text(SMALL.format(name=name, more=more))
    systems = load_profile(folder / "assay.toml").environment("local").systems
    return held(systems, folder, roots=(folder, ROOT), cache=folder / "cache", specs=specs or folder / "specs")


def put(path: Path, content: bytes = OPENAPI) -> str:
    """Write a file and return its SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def test_files_of_the_profile_are_read_when_asked(tmp_path: Path) -> None:
    """A contract and a document of the user's are found beside assay.toml, and each is read once."""
    put(tmp_path / "mine.json")
    put(tmp_path / "theirs" / "pay.json")
    found = registry(tmp_path, "pay", 'contract = "mine.json"\ndocuments = ["theirs/pay.json"]\n')
    assert [(each.role, each.source) for each in found.documents("pay")] == [
        ("contract", "profile: mine.json"),
        ("vendor", "profile: theirs/pay.json"),
    ]
    (vendor,) = found.vendor("pay")
    assert (vendor.document.title, vendor.document.version) == ("Pay", "7")
    assert vendor.document is vendor.document


def test_what_is_missing_or_another_file_is_named_and_the_rest_is_there(tmp_path: Path) -> None:
    """A file that is not there and one with another checksum are absent with the reason; the third is held."""
    right = put(tmp_path / "right.json")
    put(tmp_path / "other.json", b"{}")
    more = f"""documents = ["gone.json", {{ at = "other.json", sha256 = "{right}" }},
        {{ at = "right.json", sha256 = "{right}" }}]"""
    found = registry(tmp_path, "pay", more)
    assert [each.source for each in found.vendor("pay")] == ["profile: right.json"]
    gone, other = found.absent("pay")
    assert gone.declared
    assert "there is no" in gone.problem
    assert right in other.problem
    assert hashlib.sha256(b"{}").hexdigest() in other.problem


def test_an_address_is_the_cached_file_once_it_was_fetched(tmp_path: Path) -> None:
    """An https address is absent, with the command that fetches it, until the cache has it with the right checksum."""
    address = "https://pay.example/v7/pay.json"
    pin = hashlib.sha256(OPENAPI).hexdigest()
    more = f'documents = [{{ at = "{address}", sha256 = "{pin}" }}]'
    (absent,) = registry(tmp_path, "pay", more).absent()
    assert absent.hint == "assay contracts pull pay"
    put(cached_file(tmp_path / "cache", "pay", address), b"something else")
    assert "not " + pin in registry(tmp_path, "pay", more).absent()[0].problem
    put(cached_file(tmp_path / "cache", "pay", address))
    assert registry(tmp_path, "pay", more).vendor("pay")[0].source == f"cache: {address}"


def test_a_simulated_vendor_has_its_contract_and_its_catalogue(tmp_path: Path) -> None:
    """A vendor we simulate has its contract.yaml and the catalogue's documents to pull, with no word in the profile."""
    found = registry(tmp_path, "stripe")
    contract = found.contract("stripe")
    assert contract is not None
    assert contract.source == "suite: mocks/stripe/contract.yaml"
    assert [each.hint for each in found.absent("stripe")] == ["assay contracts pull stripe"]
    assert not found.absent("stripe")[0].declared


def test_the_cache_comes_before_the_folder_of_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of documents serves where nothing was fetched, and only a file with the catalogue's checksum."""
    (published,) = catalogue()["stripe"]
    pin = put(tmp_path / "specs" / "stripe" / "spec3.yaml")
    assert not registry(tmp_path, "stripe").vendor("stripe")
    fake = {"stripe": (type(published)(**{**_as_dict(published), "sha256": pin}),)}
    monkeypatch.setattr("assay.contracts.registry.catalogue", lambda: fake)
    assert registry(tmp_path, "stripe").vendor("stripe")[0].source.startswith("folder of documents: ")
    put(cached_file(tmp_path / "cache", "stripe", published.address))
    assert registry(tmp_path, "stripe").vendor("stripe")[0].source.startswith("cache: ")


def _as_dict(value: object) -> dict[str, str]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}  # type: ignore[attr-defined]


def test_a_document_that_is_none_is_a_fault(tmp_path: Path) -> None:
    """A web page in place of a document has a fault that says so, no operations, and raises nothing."""
    put(tmp_path / "page.json", b"<!doctype html><html><body>Sign in</body></html>")
    (page,) = registry(tmp_path, "pay", 'documents = ["page.json"]').vendor("pay")
    assert page.document.format == UNREADABLE
    assert "web page" in page.document.faults[0].problem
    assert str(tmp_path / "page.json") in page.document.faults[0].problem


def test_a_document_finds_what_it_refers_to_by_address(tmp_path: Path) -> None:
    """References to another fetched document are read from this machine, relative ones by the address too."""
    first, second = "https://pay.example/v7/pay.json", "https://pay.example/v7/parts/money.json"
    for address in (first, second):
        put(cached_file(tmp_path / "cache", "pay", address))
    (document, _) = registry(tmp_path, "pay", f'documents = ["{first}", "{second}"]').vendor("pay")
    assert document._referenced("parts/money.json") == document._referenced(f"{second}#/x") == OPENAPI
    with pytest.raises(FileNotFoundError):
        document._referenced("../money.json")


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        ('["http://pay.example/a.json"]', "https:// address"),
        ('["https://me:secret@pay.example/a.json"]', "no user or password"),
        ('[{ at = "a.json", sha265 = "" }]', "did you mean 'sha256'"),
        ('[{ at = "a.json", sha256 = "abc" }]', "should match"),
        ("[7]", "a document is a text, or a table"),
    ],
)
def test_the_profile_refuses_what_is_no_document_place(tmp_path: Path, documents: str, said: str) -> None:
    """Addresses in the clear, with a password, misspelt keys and short checksums are refused with the place."""
    with pytest.raises(UsageError) as refused:
        registry(tmp_path, "pay", f"documents = {documents}")
    assert said in str(refused.value)
    assert "systems.pay.documents.0" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_editors_know_both_ways_to_name_a_document() -> None:
    """The JSON Schema of assay.toml takes a text and a table."""
    text, table = json_schema()["$defs"]["DocumentPlace"]["anyOf"]
    assert text["type"] == "string"
    assert set(table["properties"]) == {"at", "sha256"}


def test_the_catalogue_is_what_the_folder_of_documents_has() -> None:
    """Every document of the catalogue lies in the folder of documents with its checksum, and each address is pinned."""
    listed = [each for documents in catalogue().values() for each in documents]
    assert all(each.address.startswith("https://") and len(each.sha256) == 64 for each in listed)
    if not SPECS.is_dir():
        pytest.skip(f"the vendors' documents are not here: {SPECS} (set ASSAY_SPECS to a folder that has them)")
    for each in listed:
        content = (SPECS / each.system / each.file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == each.sha256, each.file
