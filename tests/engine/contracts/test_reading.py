"""A document is told by what it holds; what is none is refused with the place and what to do, and never hangs."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from assay.contracts.reading import MOST_BYTES, MOST_SDL_BYTES, MOST_YAML_BYTES, as_mapping, neighbours, read_document
from assay.errors import UsageError

OPENAPI = (
    b'{"openapi":"3.0.3","info":{"title":"Shop","version":"1"},'
    b'"paths":{"/a":{"get":{"responses":{"200":{"description":"ok"}}}}}}'
)
SCHEMA = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="a" type="xs:int"/></xs:schema>'
TYPES = "type Query {\n  order(id: ID!): String\n}\n"


def _bomb() -> bytes:
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"{chr(98 + at)}: &{chr(98 + at)} [{', '.join(['*' + chr(97 + at)] * 9)}]" for at in range(9)]
    return "\n".join(lines).encode()


def _merge_bomb() -> bytes:
    lines = ["a: &a {x: 1}"]
    lines += [f"{chr(98 + at)}: &{chr(98 + at)}\n  <<: [{', '.join(['*' + chr(97 + at)] * 9)}]" for at in range(9)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("content", "format", "operations"),
    [
        (OPENAPI, "openapi-3.0", 1),
        (OPENAPI.replace(b"3.0.3", b"3.1.0"), "openapi-3.1", 1),
        (b"\xef\xbb\xbf" + OPENAPI, "openapi-3.0", 1),
        (b"# a comment\nopenapi: 3.0.0\ninfo: {title: x, version: 2024-01-01}\npaths: {}\n", "openapi-3.0", 0),
        (b"{openapi: 3.0.0, info: {title: x, version: '1'}, paths: {}}", "openapi-3.0", 0),
        (b'swagger: "2.0"\ninfo: {title: x, version: "1"}\npaths: {}\n', "swagger-2.0", 0),
        (b'{"kind":"discovery#restDescription","discoveryVersion":"v1","resources":{}}', "discovery", 0),
        (b'{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}', "json-schema", 0),
        (TYPES.encode(), "graphql-sdl", 1),
        (b'"""Orders."""\ntype Query { b: Int }\nextend type Query {\n  a: Int\n}\n', "graphql-sdl", 2),
        (SCHEMA.encode(), "xsd", 0),
        (b"<!-- messages -->\n<!ELEMENT a (b)>\n<!ELEMENT b (#PCDATA)>", "dtd", 0),
        (b'{"apis":[],"fields":[{"name":"id","type":"string"}]}', "meta-graph-spec", 0),
        (b'{"issuer":"https://a.example","jwks_uri":"https://a.example/keys"}', "oidc-discovery", 2),
        (b'{"resources":{"charge":{"id":"ch_1"}}}', "sample", 0),
    ],
)
def test_a_format_is_told_by_what_a_document_holds(content: bytes, format: str, operations: int) -> None:
    """Whatever it is called: JSON, YAML, XML, SDL and DTD are told apart by their content."""
    document = read_document(content, source="document.txt")
    assert (document.format, document.source) == (format, "document.txt")
    assert operations <= len(document.operations) <= operations + 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"  \n", ["no document of an API", "empty"]),
        (b"hello world", ["no document of an API", "a text"]),
        (b"[1, 2]", ["no document of an API", "a JSON list"]),
        (b'{"name": "x"}', ["no document of an API", "'name'"]),
        (b"components:\n  schemas: {}\n", ["'components'", "may be cut short"]),
        (b"asyncapi: 2.0.0\n", ["'asyncapi'", "AsyncAPI is not read"]),
        (b'{"info": {}, "item": []}', ["Postman"]),
        (b"<a xmlns='urn:q'/>", ["root is <a> of urn:q"]),
        (b"<!-- x -->\n<!DOCTYPE html><html></html>", ["web page", "HTML", "raw file"]),
        (gzip.compress(OPENAPI, mtime=0), ["packed", "gzip", "Unpack"]),
        (OPENAPI[:60], ["cut short", "line 1 column 61"]),
        (OPENAPI[:-2], ["cut short"]),
        (OPENAPI.replace(b'"get":', b'"get"'), ["cannot be read", "line 1 column"]),
        (b'openapi: 3.0.0\ninfo: {title: "x', ["cut short", "line 2"]),
        (b"openapi: 3.0.0\ninfo:\n\ttitle: x\n", ["cannot be read", "line 3"]),
        (b"openapi: 3.0.0\ninfo: {title: caf\xe9}\n", ["YAML cannot be read"]),
        (b"a: 1\n---\nb: 2\n", ["line 2"]),
        (b"a: &a [*a]\n", ["circular", "line 1"]),
        (b'{a: {"b":&b [*b]}}', ["circular", "line 1"]),
        (_bomb(), ["is a bomb", "4,412,961,516"]),
        (_merge_bomb(), ["is a bomb"]),
        (b"a: " + b"[" * 50_000, ["nested deeper"]),
        (b"- " * 50_000 + b"a", ["nested deeper"]),
        (b'{"openapi":"3.0.0","x":' + b"[" * 5_000 + b"]" * 5_000 + b"}", ["nested too deep"]),
        (SCHEMA.encode()[:-20], ["cut short", "line 1"]),
        (b"<!DOCTYPE a [\n<!ENTITY x SYSTEM 'file:///etc/passwd'>]>\n<a>&x;</a>", ["external entity", "line 2"]),
        (b"<!DOCTYPE a [<!ENTITY x 'y'><!ENTITY z '&x;&x;'>]><a b='&z;'/>", ["declares an entity"]),
        ("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>".encode("utf-16"), ["declares an entity"]),
        (b"<!ELEMENT a (b)>\n<!ELEMENT b ", ["cut short", "line 2"]),
        (b"type Query {\n  a: Int\n", ["cut short", "line"]),
        (b"type Query {\n  a: = 3\n}\n", ["cannot be read", "line 2"]),
        (b'{"__schema": {"queryType": {"name": "Query"}, "types": []}}', ["does not hold together"]),
    ],
)
def test_what_is_no_document_is_named_with_file_place_and_what_to_do(content: bytes, says: list[str]) -> None:
    """Each kind of bad document is refused by one error that names the file, what is there and what to do."""
    with pytest.raises(UsageError) as refused:
        read_document(content, source="vendor/api.yaml")
    text = str(refused.value)
    assert "vendor/api.yaml" in text and refused.value.hint
    for each in says:
        assert each in text


@pytest.mark.parametrize(
    ("piece", "times", "says"),
    [
        (b"a: 1\n", MOST_YAML_BYTES // 5 + 1, "16 MiB"),
        (b" ", MOST_BYTES + 1, "64 MiB"),
        (b"type A { a: A }\n", (MOST_SDL_BYTES >> 4) + 1, "4 MiB"),
        (b'{"a":"', 9 << 20, "line 1"),
        (b"<!-- x -->", 1 << 19, "cut short"),
    ],
    ids=["yaml", "blank", "sdl", "json", "xml"],
)
def test_fifty_megabytes_of_nothing_useful_are_refused(piece: bytes, times: int, says: str) -> None:
    """What is too large to be read in seconds, or large and no document, is refused with a sentence."""
    with pytest.raises(UsageError) as refused:
        read_document(piece * times, source="large.yaml")
    assert says in str(refused.value) and "large.yaml" in str(refused.value)


def test_an_address_that_answers_a_web_page_says_so() -> None:
    """Behind an address that answers HTML, the error speaks of the address."""
    with pytest.raises(UsageError, match="The address answered a web page"):
        read_document(b"<html><body>Sign in</body></html>", source="https://vendor.example/openapi.json")


def test_a_file_of_fifty_megabytes_is_read(tmp_path: Path) -> None:
    """A document of 50 MB is read like any other, from its path."""
    path = tmp_path / "large.json"
    path.write_bytes(OPENAPI[:-1] + b',"x-long":"' + b"x" * (50 << 20) + b'"}')
    assert [each.name for each in read_document(path).operations] == ["GET /a"]


@pytest.mark.parametrize("name", ["absent.yaml", "."])
def test_a_path_without_a_document_is_named(tmp_path: Path, name: str) -> None:
    """A missing file and a folder are named, and what to do."""
    with pytest.raises(UsageError) as refused:
        read_document(tmp_path / name)
    assert str(tmp_path) in str(refused.value) and refused.value.hint


def test_yaml_is_read_as_json_would_hold_it() -> None:
    """Timestamps, country codes, post codes and times stay text; status codes are texts as keys."""
    text = b"a: 2024-01-01\nb: NO\nc: 007\n200: 1.5\ne: 12:30\nf: 2024-01-01T00:00:00Z\ng: ~\nh: 12\ni: true\n"
    expected = {"a": "2024-01-01", "b": "NO", "c": "007", "200": 1.5, "e": "12:30", "f": "2024-01-01T00:00:00Z"}
    assert as_mapping(text, source="a.yaml") == expected | {"g": None, "h": 12, "i": True}


def test_a_key_that_stands_twice_is_a_fault_and_the_rest_is_read() -> None:
    """A repeated key is listed with its line; the document is read all the same."""
    document = read_document(b"openapi: 3.0.0\ninfo: {title: x, version: '1'}\npaths: {}\npaths: {}\n", source="a.yaml")
    assert ("line 4", "'paths' stands twice; the last is taken") in [(f.where, f.problem) for f in document.faults]


def test_only_neighbours_are_fetched(tmp_path: Path) -> None:
    """A document's references lead to files beside it, an address to the file of its name, and nowhere else."""
    folder = tmp_path / "specs"
    (folder / "types").mkdir(parents=True)
    (folder / "types" / "a.xsd").write_text("x")
    (folder / "b.json").write_text("y")
    (tmp_path / "secret").write_text("z")
    fetch = neighbours(folder)
    assert fetch("./types/a.xsd") == b"x"
    assert fetch("https://vendor.example/v2/b.json") == b"y"
    for outside in ("../secret", str(tmp_path / "secret"), "file:///etc/passwd", "missing.json"):
        with pytest.raises(FileNotFoundError):
            fetch(outside)
