"""`assay contracts list` names every document, what it holds, what is wrong with it and where it came from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from assay.cli import cli

PROFILE = """
[systems.pay]
role = "payments"
host = "pay.example"
contract = "mine.json"
documents = ["theirs.json"{more}]
[environments.local.systems]
pay = "simulated"
"""
OPENAPI = (
    '{"openapi": "3.1.0", "info": {"title": "Pay", "version": "7"}, "paths": {"/pay": {"get": {"responses": '
    '{"200": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/none"}}}}}}}}}'
)
PAGE = "<!doctype html><html><body>Sign in</body></html>"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a contract and a vendor's document that refers to nothing."""
    write(tmp_path)
    (tmp_path / "mine.json").write_text(OPENAPI.replace("#/components/none", "#/paths"))
    (tmp_path / "theirs.json").write_text(OPENAPI)
    return tmp_path


def write(folder: Path, more: str = "") -> None:
    """Write the profile, with more documents."""
    (folder / "assay.toml").write_text(PROFILE.format(more=more))


def assay(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, list(arguments), catch_exceptions=False)


def test_documents_are_listed_with_their_role_and_source(project: Path) -> None:
    """Role, format, version, number of operations and where it came from, in text and JSON, exit 0."""
    profile = ["--profile", str(project / "assay.toml")]
    result, text = assay("contracts", "list", "--json", *profile), assay("contracts", "list", *profile)
    assert (result.exit_code, text.exit_code) == (0, 0), text.output
    rows = json.loads(result.output)["documents"]
    assert [(row["role"], row["document"], row["version"], row["operations"], row["source"]) for row in rows] == [
        ("contract", "openapi-3.1", "7", 1, "profile: mine.json"),
        ("vendor", "openapi-3.1", "7", 1, "profile: theirs.json"),
    ]
    assert "2 documents: 2 operations" in text.output


def test_what_cannot_be_read_or_is_missing_is_named_beside_the_rest(project: Path) -> None:
    """A web page and a missing file are exit 1, each with its reason; the good document is listed all the same."""
    write(project, ', "page.json", "gone.json", "https://pay.example/pay.json"')
    (project / "page.json").write_text(PAGE)
    result = assay("contracts", "list", "pay", "--profile", str(project / "assay.toml"))
    assert result.exit_code == 1
    assert "web page" in result.output
    assert f"there is no {project / 'gone.json'}" in result.output
    assert "do: assay contracts pull pay" in result.output
    assert "profile: theirs.json" in result.output


def test_a_folder_of_documents_is_listed_whole(project: Path) -> None:
    """With --all every file below a folder is read by its route, one subfolder a system; an unknown one is misuse."""
    specs = project / "specs" / "pay"
    specs.mkdir(parents=True)
    (specs / "a.json").write_text(OPENAPI)
    (specs / "b.dtd").write_text("<!ELEMENT order (#PCDATA)>\n<!ATTLIST order id CDATA #REQUIRED>\n")
    result = assay("contracts", "list", "--all", str(project / "specs"), "--json")
    rows = json.loads(result.output)["documents"]
    assert [(row["system"], row["document"], row["source"]) for row in rows] == [
        ("pay", "openapi-3.1", "pay/a.json"),
        ("pay", "dtd", "pay/b.dtd"),
    ]
    assert assay("contracts", "list", "pya", "--all", str(project / "specs")).exit_code == 2


def test_no_document_at_all_is_exit_5(tmp_path: Path) -> None:
    """Where there is nothing to list it is said what to do."""
    (tmp_path / "empty").mkdir()
    result = assay("contracts", "list", "--all", str(tmp_path / "empty"))
    assert result.exit_code == 5
    assert "assay contracts pull" in result.output


def test_the_profile_check_names_a_missing_file(project: Path) -> None:
    """A contract that is not there is misuse with the key and the path; with all files there it passes."""
    profile = ["--profile", str(project / "assay.toml")]
    assert assay("profile", "check", *profile).exit_code == 0
    (project / "theirs.json").unlink()
    result = assay("profile", "check", *profile)
    assert result.exit_code == 2
    assert "systems.pay.documents" in result.output
    assert str(project / "theirs.json") in result.output
