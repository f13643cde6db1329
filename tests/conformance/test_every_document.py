"""Every vendor document is read by its route; what is wrong with one is listed, and its operations are all there."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from lxml import etree

from assay.contracts.model import Document
from assay.contracts.reading import FORMATS, read_document

ROOT = Path(__file__).resolve().parents[2]
SPECS = Path(os.environ.get("ASSAY_SPECS", ROOT.parent / "shared" / "specs"))
MANIFEST = SPECS / "manifest.json"
_XS = "{http://www.w3.org/2001/XMLSchema}"


def _listed() -> list[Mapping[str, Any]]:
    if not MANIFEST.exists():
        return []
    found: list[Mapping[str, Any]] = json.loads(MANIFEST.read_text())["specs"]
    return found


def _smallest() -> list[Mapping[str, Any]]:
    """Return one small document of each format."""
    by_format: dict[str, Mapping[str, Any]] = {}
    # NetSuite's documents are small and import forty others, which takes seconds.
    for each in sorted(_listed(), key=lambda one: (one["system"] == "oracle_netsuite", one["bytes"])):
        if each["operations_total"] or each["format"] == "json-schema":
            by_format.setdefault(each["format"], each)
    return list(by_format.values())


class Row(NamedTuple):
    """What reading one document came to."""

    system: str
    file: str
    format: str
    operations: int
    listed: int
    faults: int
    seconds: float
    why: str


# How the collection counts otherwise than we do, by format: what it counts, taken from the file itself, and why.
def _sets(content: bytes, document: Document) -> int:
    root: Any = etree.fromstring(content)
    return sum(1 for each in root.iter("{*}EntitySet", "{*}FunctionImport"))


def _elements(content: bytes, document: Document) -> int:
    root: Any = etree.fromstring(content)
    return sum(1 for each in root if each.tag == f"{_XS}element")


def _declared(content: bytes, document: Document) -> int:
    return len(re.findall(rb"<!ELEMENT\s", re.sub(rb"<!--.*?-->", b"", content, flags=re.DOTALL)))


def _endpoints(content: bytes, document: Document) -> int:
    held = json.loads(content)
    return sum(1 for name in held if name.endswith("_endpoint") or name == "jwks_uri")


def _fixtures(content: bytes, document: Document) -> int:
    return len(json.loads(content)["resources"]) if content[:1] == b"{" else 1


def _ours(content: bytes, document: Document) -> int:
    return len(document.operations)


_COUNTED: Mapping[str, tuple[Callable[[bytes, Document], int], str]] = {
    "odata-edmx": (_sets, "it counts entity sets and function imports; a set has several calls"),
    "xsd": (_elements, "it counts global elements; a pair of request and answer is an operation"),
    "dtd": (_declared, "it counts element declarations; a request element is an operation"),
    "oidc-discovery": (_endpoints, "it counts endpoints, Kerberos's too; the discovery document itself is one of ours"),
    "sample": (_fixtures, "it counts what the example shows; an example has no operations"),
}


def _read(listed: Mapping[str, Any]) -> tuple[Row, Document]:
    path = SPECS / listed["file"]
    began = time.process_time()
    document = read_document(path)
    seconds = time.process_time() - began
    wanted = {"xml-sample": "sample", "json-fixtures": "sample"}.get(listed["format"], listed["format"])
    assert (document.format, document.source) == (wanted, str(path))
    count, why = _COUNTED.get(document.format, (_ours, ""))
    expected = listed["operations_total"] or 0
    assert count(path.read_bytes(), document) == expected, f"{listed['file']}: {expected} are listed"
    row = Row(
        listed["system"], listed["file"], document.format, len(document.operations), expected, len(document.faults),
        seconds, why if len(document.operations) != expected else "",
    )  # fmt: skip
    return row, document


def _ask(document: Document) -> None:
    """Let every operation be found by its own call, and each distinct shape say what it is of and judge a body."""
    for operation in document.operations:
        assert document.find(operation.method, operation.path, operation.selector) is not None, operation.name
    shapes = [each for operation in document.operations[:3] for each in operation.requests.values()]
    shapes += [
        shape
        for operation in document.operations[:3]
        for answer in operation.responses.values()
        for shape in answer.shapes.values()
    ]
    for shape in (*shapes, *list(document.shapes.values())[:3]):
        if shape is not None:
            assert "" in shape.fields or not shape.fields
            assert all(each.problem for each in shape.deviations(b"\x00 half a bod"))


@pytest.mark.skipif(not MANIFEST.exists(), reason=f"the vendors' documents are not at {SPECS} (set ASSAY_SPECS)")
def test_one_document_of_each_format_is_read_by_its_route() -> None:
    """The smallest document of each format: told by its content, its operations as many as listed, its shapes judge."""
    read = [_read(each) for each in _smallest()]
    for _, document in read:
        _ask(document)
    assert {row.format for row, _ in read} == set(FORMATS) - {"graphql-sdl"}  # none publishes SDL


@pytest.mark.full
@pytest.mark.skipif(not MANIFEST.exists(), reason=f"the vendors' documents are not at {SPECS} (set ASSAY_SPECS)")
def test_every_document_is_read_by_its_route(capsys: pytest.CaptureFixture[str]) -> None:
    """Every document of the collection is read, every operation is listed, and every difference has its reason."""
    rows = []
    for each in _listed():
        row, document = _read(each)
        _ask(document)
        rows.append(row)
    lines = [f"{'system':30} {'file':46} {'format':22} {'oper.':>6} {'listed':>6} {'faults':>6} {'s':>6}"]
    for row in rows:
        counts = f"{row.operations:6} {row.listed:6} {row.faults:6} {row.seconds:6.2f}"
        lines.append(f"{row.system:30} {row.file.partition('/')[2][-46:]:46} {row.format:22} {counts}")
    lines += sorted({f"{row.format}: {row.why}" for row in rows if row.why})
    whole, faults = sum(row.seconds for row in rows), sum(row.faults for row in rows)
    operations = sum(row.operations for row in rows)
    lines.append(f"{len(rows)} documents, {operations} operations, {faults} faults, {whole:.1f} s of CPU")
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
    assert len(rows) == 230
