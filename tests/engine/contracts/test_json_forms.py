"""Bodies of forms are read into the values they mean by the schema, and judged like JSON."""

from __future__ import annotations

from typing import Any

import pytest

from assay.contracts.json_shape import Definitions, JsonShape
from assay.contracts.model import Problem

FORM = "application/x-www-form-urlencoded"
SCHEMA = {
    "type": "object",
    "required": ["amount"],
    "properties": {
        "amount": {"type": "integer"},
        "rate": {"type": "number"},
        "capture": {"type": "boolean"},
        "currency": {"type": "string", "maxLength": 3},
        "expand": {"type": "array", "items": {"type": "string"}},
        "items": {
            "type": "array",
            "items": {"type": "object", "properties": {"price": {"type": "string"}, "quantity": {"type": "integer"}}},
        },
        "metadata": {"anyOf": [{"type": "object", "additionalProperties": {"type": "string"}}, {"enum": [""]}]},
        "range": {"anyOf": [{"type": "object", "properties": {"gt": {"type": "integer"}}}, {"type": "integer"}]},
        "zip": {"type": "string"},
        "file": {"type": "string", "format": "binary"},
    },
}


def found(body: bytes, media: str = FORM) -> list[tuple[Problem, str]]:
    """Return what departs in a form."""
    shape = JsonShape(SCHEMA, Definitions({}), media=media, request=True)
    return [(each.problem, each.path) for each in shape.deviations(body)]


@pytest.mark.parametrize(
    "body",
    [
        b"amount=100&rate=1.5&capture=true&currency=eur",
        b"amount=1&expand[]=a&expand[]=b",
        b"amount=1&expand[0]=a&expand[1]=b",
        b"amount=1&expand=a&expand=b",
        b"amount=1&expand=a",
        b"amount=1&items[0][price]=p_1&items[0][quantity]=2&items[1][price]=5",
        b"amount=1&metadata[order]=5&metadata[a b]=x",
        b"amount=1&metadata=",
        b"amount=1&range[gt]=5",
        b"amount=1&range=5",
        b"amount=1&zip=01234",
        b"amount=1&items%5B0%5D%5Bquantity%5D=2",
        b"amount=***&currency=eur",
    ],
)
def test_a_good_form_departs_nowhere(body: bytes) -> None:
    """Numbers, truth values, lists in each way of writing them, maps, alternatives and masks."""
    assert found(body) == []


@pytest.mark.parametrize(
    ("body", "problem", "path"),
    [
        (b"amount=ten", Problem.TYPE, "amount"),
        (b"currency=eur", Problem.MISSING, "amount"),
        (b"amount=1&capture=maybe", Problem.TYPE, "capture"),
        (b"amount=1&new=1", Problem.FIELD, "new"),
        (b"amount=1&items[0][colour]=red", Problem.FIELD, "items[].colour"),
        (b"amount=1&currency=euros", Problem.LIMIT, "currency"),
        (b"amount=1&amount[x]=2", Problem.MALFORMED, ""),
        (b"amount=\xff", Problem.MALFORMED, ""),
        (b"amount=1&" + b"a[" + b"b][" * 60 + b"c]=1", Problem.MALFORMED, ""),
    ],
)
def test_a_bad_form_says_where(body: bytes, problem: Problem, path: str) -> None:
    """The same names and paths as of JSON."""
    assert found(body) == [(problem, path)]


def multipart(*parts: tuple[str, bytes]) -> bytes:
    """Return a multipart body."""
    made = b"".join(
        b'--zz\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
        for name, value in parts
    )
    return made + b"--zz--\r\n"


def test_multipart_is_a_form_too() -> None:
    """Text and files; what ends before its closing boundary or is none says so."""
    media = "multipart/form-data"
    good: Any = multipart(("amount", b"5"), ("file", b"\x89PNG\xff\x00"))
    assert found(good, media) == []
    assert found(multipart(("amount", b"five")), media) == [(Problem.TYPE, "amount")]
    assert found(good[:-8], media) == [(Problem.MALFORMED, "")]
    assert found(b"amount=5", media) == [(Problem.MALFORMED, "")]
