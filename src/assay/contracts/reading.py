"""Reads a document of any format: tells the format by what the document holds, and hands it to that format's reader."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from assay.contracts import kept, xml_safe, yaml_safe
from assay.contracts.model import Document, Fault
from assay.errors import UsageError

Fetch = Callable[[str], bytes]

SAMPLE = "sample"  # an example of what is sent, no document: it has no operations

# Format: the module whose `read(content, *, source, fetch)` makes the Document. Of JSON and YAML the content is the
# parsed mapping, of the others the bytes. Imported when the first such document is read.
FORMATS: Mapping[str, str] = {
    "openapi-3.0": "assay.contracts.openapi",
    "openapi-3.1": "assay.contracts.openapi",
    "swagger-2.0": "assay.contracts.swagger",
    "discovery": "assay.contracts.discovery",
    "json-schema": "assay.contracts.json_schema",
    "graphql-introspection": "assay.contracts.graphql",
    "graphql-sdl": "assay.contracts.graphql",
    "odata-edmx": "assay.contracts.edmx",
    "wsdl": "assay.contracts.wsdl",
    "xsd": "assay.contracts.xsd",
    "dtd": "assay.contracts.dtd",
    "meta-graph-spec": "assay.contracts.meta",
    "oidc-discovery": "assay.contracts.oidc",
    SAMPLE: "",
}

_MIB = 1 << 20
MOST_BYTES = 64 * _MIB
# Formats whose reading is slow in Python; a larger document takes minutes, and none of a vendor comes near.
MOST_YAML_BYTES = 16 * _MIB
MOST_SDL_BYTES = 4 * _MIB

_PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "a zip archive", b"%PDF": "a PDF", b"\x28\xb5\x2f\xfd": "zstandard"}
_HTML = re.compile(rb"\s*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_BLANK = re.compile(rb"\s*")
_FLOW = re.compile(rb"\s*\{\s*[A-Za-z]")  # YAML in braces
_BESIDES = ((b"<!--", b"-->"), (b"<?", b"?>"))  # what may stand before the first declaration or element
_DTD = re.compile(rb"\s*(?:<!(?:ELEMENT|ATTLIST|ENTITY|NOTATION)\b|<!\[)")
_SDL = re.compile(
    rb"^(?:extend[ \t]+)?(?:(?:type|interface|input)[ \t]+\w+[^:\n]*\{|enum[ \t]+\w+[ \t]*\{|union[ \t]+\w+[ \t]*="
    rb"|scalar[ \t]+\w+[ \t]*$|schema[ \t]*\{|directive[ \t]+@\w)",
    re.MULTILINE,
)  # fmt: skip
_XML_ROOTS = {
    ("http://docs.oasis-open.org/odata/ns/edmx", "Edmx"): "odata-edmx",
    ("http://schemas.microsoft.com/ado/2007/06/edmx", "Edmx"): "odata-edmx",
    ("http://schemas.xmlsoap.org/wsdl/", "definitions"): "wsdl",
    ("http://www.w3.org/2001/XMLSchema", "schema"): "xsd",
    ("http://www.gesmes.org/xml/2002-08-01", "Envelope"): SAMPLE,  # the ECB documents its rates by example alone
}
_SCHEMA_WORDS = ("$schema", "$defs", "definitions", "properties", "allOf", "anyOf", "oneOf", "$ref", "items")
_FOREIGN = {  # what people take for an API document, and what to do
    "asyncapi": "AsyncAPI is not read; give the vendor's OpenAPI document, of webhooks alone if need be",
    "swaggerVersion": "Swagger 1 is not read; convert it to OpenAPI, or take the vendor's newer document",
    "item": "a Postman collection is not read; export the API's OpenAPI document",
    "log": "a HAR file is no document; `assay edge record` keeps exchanges",
}
_WHAT = "an OpenAPI, Swagger, GraphQL, EDMX, WSDL, XSD, DTD, discovery or JSON Schema document"


def read_document(content: bytes | Path, *, source: str = "", fetch: Fetch | None = None) -> Document:
    """Return the document that a file or its bytes hold, of whatever format; what is wrong within it is in `.faults`.

    source: the file or address as people know it, for messages; of a file its path unless said. fetch: gets what the
    document refers to outside itself, by the reference as it stands there; of a file, its neighbours unless said, of
    bytes nothing. Nothing is ever loaded from the network here.

    Raises UsageError, with the place and what to do, for what is no document at all: HTML, another format, cut short,
    too large, a bomb.
    """
    if isinstance(content, Path):
        source = source or str(content)
        fetch = fetch or neighbours(content.parent)
        content = _file(content, source)
    if len(content) > MOST_BYTES:
        raise _too_large(source, len(content), MOST_BYTES, "Give the part of the document that you use.")
    fetch = fetch or _nothing
    try:
        return _read(content.removeprefix(b"\xef\xbb\xbf"), source, fetch)
    except RecursionError:
        raise UsageError(
            "This document is nested too deep to be read.", where=source, expected=_WHAT,
            seen=f"more than a thousand levels in {len(content):,} bytes", hint=_again(source),
        ) from None  # fmt: skip


def neighbours(folder: Path) -> Fetch:
    """Return what gets the files that stand beside a document, and no others.

    An address is mapped to the file of the same name beside the document, as vendors' documents are kept that refer
    to each other on the web. Raises FileNotFoundError for what is not there or lies outside the folder.
    """
    root = folder.resolve()

    def fetch(reference: str) -> bytes:
        parts = urlsplit(reference)
        name = unquote(parts.path)
        if parts.scheme or parts.netloc:
            name = name.rpartition("/")[2]
        path = (root / name).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            raise FileNotFoundError(f"{reference} is not beside the document")
        return path.read_bytes()

    return fetch


def sniff(content: bytes, *, source: str) -> tuple[str, Mapping[str, Any] | bytes, tuple[Fault, ...]]:
    """Return the format of a document by what it holds, its content as that format's reader takes it, and faults.

    Raises UsageError as `read_document` does.
    """
    if not content.strip():
        raise _no_document(source, "nothing: it is empty")
    for magic, name in _PACKED.items():
        if content.startswith(magic):
            raise UsageError(
                "This is packed, no document yet.", where=source, expected=_WHAT, seen=name,
                hint="Unpack it and give the file within.",
            )  # fmt: skip
    start = content.lstrip()[:1]
    if start == b"<" or content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _markup(content, source)
    if start in b"{[":
        mapping = _json(content, source)
        faults: tuple[Fault, ...] = ()
        if mapping is None:
            mapping, faults = _yaml(content, source)
    elif _SDL.search(content[:200_000]):
        if len(content) > MOST_SDL_BYTES:
            raise _too_large(source, len(content), MOST_SDL_BYTES, "Give the schema's introspection, as JSON.")
        return "graphql-sdl", content, ()
    else:
        mapping, faults = _yaml(content, source)
    return _mapping_format(mapping, source), mapping, faults


def _read(content: bytes, source: str, fetch: Fetch) -> Document:
    kind, held, faults = sniff(content, source=source)
    if kind == SAMPLE:
        note = Fault("", "this is an example of what is sent, no document: it has no operations")
        return Document(source=source, format=SAMPLE, faults=(note,))
    read: Callable[..., Document] = importlib.import_module(FORMATS[kind]).read
    document = read(held, source=source, fetch=fetch)
    return replace(document, faults=(*faults, *document.faults)) if faults else document


def _file(path: Path, source: str) -> bytes:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise _too_large(source, size, MOST_BYTES, "Give the part of the document that you use.")
        return path.read_bytes()
    except IsADirectoryError:
        raise UsageError("This is a folder, no document.", where=source, hint="Name a file in it.") from None
    except FileNotFoundError:
        raise UsageError(
            "There is no such document.",
            where=source,
            hint="Correct the path, or fetch it with `assay contracts pull`.",
        ) from None
    except OSError as problem:
        raise UsageError("This document cannot be opened.", where=source, seen=problem.strerror or "") from None


def _begin(content: bytes) -> int:
    """Return where comments and processing instructions end."""
    at = _blank(content, 0)
    while True:
        ends = [closing for opening, closing in _BESIDES if content.startswith(opening, at)]
        end = content.find(ends[0], at) if ends else -1
        if end < 0:
            return at
        at = _blank(content, end + len(ends[0]))


def _blank(content: bytes, at: int) -> int:
    match = _BLANK.match(content, at)
    return match.end() if match else at


def _markup(content: bytes, source: str) -> tuple[str, bytes, tuple[Fault, ...]]:
    at = _begin(content)
    if _HTML.match(content, at):
        address = source.startswith(("http://", "https://"))
        raise UsageError(
            "The address answered a web page, no document." if address else "This is a web page, no document.",
            where=source, expected=_WHAT, seen="HTML",
            hint="Give the address of the document itself (on a code host, its raw file), and sign in if it asks.",
        )  # fmt: skip
    if _DTD.match(content, at):
        return "dtd", content, ()
    try:
        root = xml_safe.parse(content)
    except xml_safe.UnreadableXml as problem:
        place = f"{source}, line {problem.line}" if problem.line else source
        raise UsageError(
            "This XML ends in the middle: it is cut short." if problem.at_end else "This XML cannot be read.",
            where=place, expected="a whole XML document without entities", seen=problem.reason, hint=_again(source),
        ) from None  # fmt: skip
    name, space = xml_safe.local(root), xml_safe.namespace(root)
    if name == "Schema" and "/edm" in space:
        return "odata-edmx", content, ()
    kind = _XML_ROOTS.get((space, name))
    if kind is None:
        raise _no_document(source, f"XML whose root is <{name}>" + (f" of {space}" if space else ""))
    return kind, content, ()


def _json(content: bytes, source: str) -> Mapping[str, Any] | None:
    """Return a JSON object; None for what may be YAML in JSON's style."""
    try:
        held = orjson.loads(content)
    except orjson.JSONDecodeError as problem:
        if _FLOW.match(content):
            return None
        text = content.decode(errors="replace")
        if "depth" in problem.msg or "recursion" in problem.msg:
            raise RecursionError from None
        # Where a text stands that never ends, orjson says its beginning: what is left after it decides.
        cut = problem.pos >= len(text.rstrip()) - 1 or "EOF" in problem.msg or "unexpected end" in problem.msg
        raise UsageError(
            "This JSON ends in the middle: it is cut short." if cut else "This JSON cannot be read.",
            where=f"{source}, line {problem.lineno} column {problem.colno}", expected="a whole JSON document",
            seen=problem.msg, hint=_again(source),
        ) from None  # fmt: skip
    if not isinstance(held, dict):
        raise _no_document(source, f"a JSON {_kind(held)}")
    return held


def _yaml(content: bytes, source: str) -> tuple[Mapping[str, Any], tuple[Fault, ...]]:
    if len(content) > MOST_YAML_BYTES:
        raise _too_large(source, len(content), MOST_YAML_BYTES, "Convert it to JSON.")
    try:
        held, repeated = kept.parse(content)
    except yaml_safe.UnreadableYaml as problem:
        raise UsageError(
            "This YAML ends in the middle: it is cut short." if problem.at_end else "This YAML cannot be read.",
            where=f"{source}, line {problem.line}" if problem.line else source,
            expected="one whole YAML document", seen=problem.reason, hint=_again(source),
        ) from None  # fmt: skip
    if not isinstance(held, dict):
        raise _no_document(source, f"a {_kind(held)}")
    return held, tuple(Fault(f"line {line}", f"'{key}' stands twice; the last is taken") for line, key in repeated)


def _mapping_format(held: Mapping[str, Any], source: str) -> str:
    openapi, swagger = str(held.get("openapi", "")), str(held.get("swagger", ""))
    data = held.get("data")
    graphql = data if isinstance(data, dict) else held
    if openapi or ("paths" in held and "info" in held and not swagger):
        return "openapi-3.1" if openapi.startswith(("3.1", "3.2")) else "openapi-3.0"
    if swagger.startswith("2"):
        return "swagger-2.0"
    if held.get("kind") == "discovery#restDescription" or "discoveryVersion" in held:
        return "discovery"
    if "__schema" in graphql:
        return "graphql-introspection"
    if "issuer" in held and ("jwks_uri" in held or "authorization_endpoint" in held):
        return "oidc-discovery"
    if isinstance(held.get("apis"), list) and isinstance(held.get("fields"), list):
        return "meta-graph-spec"
    if any(isinstance(held.get(word), (str, dict, list)) for word in _SCHEMA_WORDS):
        return "json-schema"
    if set(held) == {"resources"}:
        return SAMPLE  # stripe-mock's fixtures: an object of each kind
    for word, hint in _FOREIGN.items():
        if word in held:
            raise _no_document(source, f"a member '{word}' at the top", hint)
    parts = [each for each in ("paths", "components", "info") if each in held]
    hint = f"It has '{parts[0]}' and no 'openapi': fetch it again, it may be cut short." if parts else ""
    raise _no_document(source, "an object of " + (", ".join(map(repr, list(held)[:5])) or "nothing"), hint)


def _no_document(source: str, seen: str, hint: str = "") -> UsageError:
    return UsageError(
        "This is no document of an API.", where=source, expected=_WHAT, seen=seen,
        hint=hint or "Give the document itself; the formats are listed in docs/contracts.md.",
    )  # fmt: skip


def _too_large(source: str, size: int, most: int, hint: str) -> UsageError:
    return UsageError(
        "This document is too large.", where=source, expected=f"at most {most // _MIB} MiB",
        seen=f"{size / _MIB:.1f} MiB", hint=hint,
    )  # fmt: skip


def _again(source: str) -> str:
    if source.startswith(("http://", "https://")):
        return "Fetch it again with `assay contracts pull`; if it stays so, tell whoever publishes it."
    return "Fetch the file again and compare its size or checksum with what is published."


def _kind(held: object) -> str:
    if held is None:
        return "document of nothing but comments"
    return {list: "list", str: "text", bool: "true or false"}.get(type(held), "number")


def _nothing(reference: str) -> bytes:
    raise FileNotFoundError(f"{reference} is outside the document, and nothing says where it is")


def as_mapping(content: bytes, *, source: str) -> Mapping[str, Any]:
    """Return a file of JSON or YAML that a document refers to, under the same limits.

    Raises UsageError as `read_document` does.
    """
    held = _json(content, source) if content.lstrip()[:1] in (b"{", b"[") else None
    return held if held is not None else _yaml(content, source)[0]
