"""The SAP simulator's answers and metadata against SAP's published EDMX documents and against our own contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from tests.conformance.edmx_judge import ROOT, SPECS, Document, DocumentedType, EdmxJudge
from tests.mocks.sap_caller import (
    BASE,
    DELIVERY,
    DOCUMENTS,
    PARTNER,
    PRODUCT,
    SALES,
    STOCK,
    SapCaller,
    SapServer,
    item,
    judge,
)
from tests.mocks.test_sap_s4hana_master import COMPANY

FOLDER = ROOT / "mocks" / "sap_s4hana"
STUBS = sorted(each for each in (FOLDER / "stubs").glob("*.json") if not each.stem.startswith("journal_"))
_FACETS = ("Type", "MaxLength", "Precision", "Scale", "ConcurrencyMode", "unit")


def published(service: str) -> EdmxJudge:
    """Return the judge of a service, or skip with the reason."""
    found = judge(service)
    if found is None:
        pytest.skip(f"SAP's document is not here: {SPECS}/sap_s4hana/{DOCUMENTS[service]} (set ASSAY_SPECS)")
    return found


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    """Our own contract."""
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / "contract.yaml").read_text(encoding="utf-8"))
    return loaded


def type_problems(declared: DocumentedType, known: DocumentedType) -> Iterator[str]:
    """Yield where a declared type differs from the published one."""
    if declared.keys != known.keys:
        yield f"{declared.name}: keys {declared.keys} are not {known.keys}"
    for prop, facets in declared.properties.items():
        expected = known.properties.get(prop, {})
        for facet in (*_FACETS, "creatable", "updatable"):
            if facets.get(facet) != expected.get(facet):
                yield f"{declared.name}.{prop}: {facet} {facets.get(facet)} is not {expected.get(facet)}"
    for way, (target, multiplicity) in declared.ways.items():
        expected_target, expected_multiplicity = known.ways[way]
        if target != expected_target or (multiplicity == "*") != (expected_multiplicity == "*"):
            yield f"{declared.name}.{way}: leads to {target} {multiplicity}"


@pytest.mark.parametrize("service", list(DOCUMENTS))
def test_metadata_says_what_the_document_says(sap_server: SapServer, service: str) -> None:
    """Every type, property, facet, key, way and permission we declare is the document's."""
    theirs = published(service).document
    sap = SapCaller(sap_server.url)
    ours = Document(sap.get("$metadata", service).text.encode())
    sap.close()
    assert ours.namespace == theirs.namespace
    problems = [each for name, declared in ours.types.items() for each in type_problems(declared, theirs.types[name])]
    for name, facets in ours.sets.items():
        for flag in ("creatable", "updatable", "deletable"):
            if theirs.sets[name].get(flag) == "false" and facets.get(flag) != "false":
                problems.append(f"{name}: {flag}, but the document forbids it")
    assert problems == []
    assert set(ours.functions) <= set(theirs.functions)


def tour(sap_server: SapServer) -> list[tuple[str, str, str, int, Any]]:
    """Ask for something of every entity set and every kind of refusal; return (service, method, path, status, body)."""
    sap_server.reset()
    sap = SapCaller(sap_server.url).sign_in()
    seen: list[tuple[str, str, str, int, Any]] = []

    def note(method: str, path: str, service: str = SALES, **more: Any) -> Any:
        reply = sap.send(method, service, path, **more)
        seen.append((service, method, path, reply.status, reply.body))
        return reply

    text = {"Language": "EN", "LongTextID": "TX01", "LongText": "x"}
    partner = {"PartnerFunction": "SH", "Customer": "10100001", "to_Address": [{"CityName": "Łódź", "Country": "PL"}]}
    freight = {"ConditionType": "HD00", "ConditionRateValue": "4.90", "ConditionCurrency": "EUR"}
    order = sap.order(
        to_Item=[item(to_Text=[text]), item("SKU-2", "1")],
        to_Text=[text],
        to_Partner=[partner],
        to_PricingElement=[freight],
    )
    seen.append((SALES, "POST", "A_SalesOrder", 201, {"d": order}))
    note("PATCH", "A_SalesOrder('1')", body={"ShippingCondition": "02"}, headers={"If-Match": "*"})
    note("POST", "A_SalesOrder('1')/to_PricingElement", body={**freight, "ConditionType": "HB00"})
    note("POST", "A_SalesOrder", body={"SalesOrderType": "ZZ"})
    note("PATCH", "A_SalesOrder('1')", body={})
    note("PATCH", "A_SalesOrder('1')", body={}, headers={"If-Match": 'W/"old"'})
    note("GET", "A_SalesOrder('9')")
    note("GET", "A_SalesOrder", filter="Foo eq 1")
    note("POST", "releaseApprovalRequest", content=b"")
    sap_server.advance(days=1)
    sap.sign_in(PARTNER)
    note("POST", "A_BusinessPartner", PARTNER, body=COMPANY)
    for service, sets in {
        SALES: "A_SalesOrder A_SalesOrderItem A_SalesOrderHeaderPartner A_SalesOrderItemPartner"
        " A_SalesOrderPartnerAddress A_SalesOrderHeaderPrElement A_SalesOrderItemPrElement A_SalesOrderScheduleLine"
        " A_SalesOrderText A_SalesOrderItemText A_SalesOrderSubsqntProcFlow A_SalesOrderItmSubsqntProcFlow",
        DELIVERY: "A_OutbDeliveryHeader A_OutbDeliveryItem A_OutbDeliveryPartner A_OutbDeliveryAddress"
        " A_OutbDeliveryDocFlow",
        STOCK: "A_MaterialStock A_MatlStkInAcctMod",
        PRODUCT: "A_Product A_ProductDescription A_ProductPlant A_ProductStorageLocation A_ProductUnitsOfMeasure"
        " A_ProductSalesDelivery",
        PARTNER: "A_BusinessPartner A_BuPaIdentification A_BusinessPartnerRole A_BusinessPartnerTaxNumber A_Customer"
        " A_BusinessPartnerAddress A_AddressEmailAddress A_AddressPhoneNumber",
    }.items():
        note("GET", "", service)
        for name in sets.split():
            reply = note("GET", name, service, inlinecount="allpages")
            for row in reply.rows[:1]:
                path = row["__metadata"]["uri"].partition(f"{service}/")[2]
                single = note("GET", path, service)
                for way in (
                    key for key, value in single.d.items() if isinstance(value, dict) and "__deferred" in value
                ):
                    note("GET", f"{path}/{way}", service)
    sap.close()
    return seen


def test_every_kind_of_answer_fits_the_document(sap_server: SapServer) -> None:
    """Of every kind of answer each property, type, length and shape is the published one."""
    judges = {service: published(service) for service in DOCUMENTS}
    before = sum(each.answers for each in judges.values())
    seen = tour(sap_server)
    assert [problem for each in judges.values() for problem in each.problems] == []
    assert sum(each.answers for each in judges.values()) - before >= len(seen) - 1


def test_every_answer_fits_our_contract(sap_server: SapServer, contract: dict[str, Any]) -> None:
    """The contract names each operation of the tour and its schema accepts the answer."""
    problems = []
    for service, method, path, status, body in tour(sap_server):
        template = _template(contract, f"{BASE}{service}/{path.partition('?')[0]}")
        if template is None:
            problems.append(f"{method} {path} is not in the contract")
            continue
        operation = contract["paths"][template].get(method.lower())
        responses = (operation or {}).get("responses", {})
        response = responses.get(str(status)) or responses.get(f"{str(status)[0]}XX")
        if response is None:
            problems.append(f"{method} {template}: no answer {status}")
            continue
        if body is not None:
            problems.extend(_violations(contract, response, body, f"{method} {path} {status}"))
    assert problems == []


def _template(contract: dict[str, Any], path: str) -> str | None:
    """Return the contract's path for a request: key predicates and ways by their shape."""
    for template in contract["paths"]:
        if _shape(template) == _shape(path):
            return str(template)
    return None


def _shape(path: str) -> str:
    return "/".join(part.partition("(")[0] + ("()" if "(" in part else "") for part in path.split("/"))


def _violations(contract: dict[str, Any], response: dict[str, Any], body: Any, where: str) -> list[str]:
    if "$ref" in response:
        response = contract["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema = {**response["content"]["application/json"]["schema"], "components": contract["components"]}
    validator = jsonschema_rs.validator_for(schema)
    return [f"{where}: {error.message} at {error.instance_path}" for error in validator.iter_errors(body)][:3]


def test_the_contract_is_what_the_declarations_give(contract: dict[str, Any]) -> None:
    """contract.yaml is up to date with the declared entity sets (python -m mocks.sap_s4hana.contract writes it)."""
    from mocks.sap_s4hana.contract import document

    assert contract == document()


@pytest.mark.parametrize("path", STUBS, ids=lambda path: path.stem)
def test_stubs_answer_as_the_contract_says(path: Path, contract: dict[str, Any]) -> None:
    """Each WireMock stub holds an error body in SAP's shape and a status the contract names."""
    stub = json.loads(path.read_text(encoding="utf-8"))
    answer, request = stub["response"], stub["request"]
    assert request["method"] in ("GET", "POST", "PATCH", "ANY")
    assert request.get("urlPath", request.get("urlPathPattern", "")).startswith(BASE)
    if answer["status"] >= 400 and "jsonBody" in answer:
        assert _violations(contract, contract["components"]["responses"]["Error"], answer["jsonBody"], path.stem) == []
    text = answer.get("headers", {}).get("Content-Type")
    assert text in ("application/json", "text/plain", "text/html")


def test_there_are_stubs() -> None:
    """The main error cases are there as stubs."""
    assert len(STUBS) >= 5
