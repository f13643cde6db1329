"""The SAP simulator's journal against our contract; SAP's documents of its two services are not here."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from typing import Any

import jsonschema_rs
import pytest
import yaml

from tests.conformance.edmx_judge import ROOT
from tests.mocks.sap_caller import BASE, SapCaller, SapServer
from tests.mocks.test_sap_s4hana_journal import JOURNAL, LINES, PATH, SALE, entry, envelope, line, send

FOLDER = ROOT / "mocks" / "sap_s4hana"


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    """Our own contract."""
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / "contract.yaml").read_text(encoding="utf-8"))
    return loaded


def content(element: ElementTree.Element, schema: dict[str, Any]) -> Any:
    """Return an element as the schema sees it: text, or an object whose arrays the schema names."""
    known = schema.get("properties")
    if known is None:
        return element.text or ""
    found: dict[str, Any] = {}
    for child in element:
        part = known.get(child.tag.rpartition("}")[2], {})
        if part.get("type") == "array":
            found.setdefault(child.tag, []).append(content(child, part["items"]))
        else:
            found[child.tag.rpartition("}")[2]] = content(child, part)
    return found


def problems(contract: dict[str, Any], schema: dict[str, Any], body: Any) -> list[str]:
    """Return where a body differs from a schema of the contract."""
    validator = jsonschema_rs.validator_for({**schema, "components": contract["components"]})
    return [f"{error.message} at {error.instance_path}" for error in validator.iter_errors(body)]


def test_postings_and_their_confirmations_fit_the_contract(sap_server: SapServer, contract: dict[str, Any]) -> None:
    """Request and answer, posted, refused and fault, have the elements the contract names."""
    sap_server.reset()
    operation = contract["paths"][PATH]["post"]
    wanted = operation["requestBody"]["content"]["text/xml"]["schema"]
    sent = envelope(entry(*SALE), entry(line("99", "1")))
    body = next(iter(next(iter(ElementTree.fromstring(sent).iter("{http://schemas.xmlsoap.org/soap/envelope/}Body")))))
    assert problems(contract, wanted, content(body, wanted)) == []
    for posted in (sent, b"<a/>"):
        answer = send(sap_server, posted)
        schema = operation["responses"][str(answer.status_code)]["content"]["text/xml"]["schema"]
        soap_body = ElementTree.fromstring(answer.content)[1]
        seen = soap_body if answer.status_code == 500 else soap_body[0]
        assert problems(contract, schema, content(seen, schema)) == []


def test_lines_fit_the_contract(sap_server: SapServer, contract: dict[str, Any]) -> None:
    """A page of lines and a single one have the shape the contract gives them."""
    sap_server.reset()
    send(sap_server, envelope(entry(*SALE)))
    sap = SapCaller(sap_server.url)
    page = sap.get(LINES, JOURNAL)
    single = sap.get(page.rows[0]["__metadata"]["uri"].partition(f"{JOURNAL}/")[2], JOURNAL)
    sap.close()
    for path, reply in ((LINES, page), (f"{LINES}(CompanyCode=", single)):
        template = next(name for name in contract["paths"] if name.startswith(f"{BASE}{JOURNAL}/{path}"))
        schema = contract["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert problems(contract, schema, reply.body) == []


def test_the_stub_of_a_refused_posting_fits_the_contract(contract: dict[str, Any]) -> None:
    """The stub answers as the service refuses an entry that does not balance."""
    stub = json.loads((FOLDER / "stubs" / "journal_unbalanced.json").read_text(encoding="utf-8"))
    schema = contract["paths"][PATH]["post"]["responses"]["200"]["content"]["text/xml"]["schema"]
    confirmation = ElementTree.fromstring(stub["response"]["body"])[1][0]
    assert problems(contract, schema, content(confirmation, schema)) == []
    assert stub["request"]["urlPath"] == PATH
