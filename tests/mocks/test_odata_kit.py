"""The OData kit by itself: declarations, values and keys that come back as they went, filters against plain Python."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.simkit.odata import ODataFault, entity_set
from assay.simkit.odata.edm import Property, properties
from assay.simkit.odata.filter import parse_filter
from assay.simkit.odata.query import parse_key, split_path
from assay.simkit.odata.values import etag_of, from_json, key_literal, wire_datetime, wire_instant

THING = entity_set(
    "Thing",
    """
    Name String(20) key
    Part String(20) key
    Amount Decimal(9,3)
    Count Int32
    Wide Int64
    On DateTime(0)
    At DateTimeOffset(7)
    Flag Boolean
    """,
)
TEXT = st.text(max_size=20)


@given(TEXT, TEXT)
def test_a_key_written_into_an_address_is_read_back(name: str, part: str) -> None:
    """Quotes, slashes, percent signs and any script survive the way into an address and out of it."""
    literals = {each.name: key_literal(each, value) for each, value in zip(THING.keys, (name, part), strict=True)}
    predicate = ",".join(f"{key}={value}" for key, value in literals.items())
    segments = split_path(unquote(f"Thing({predicate})/Next"))
    assert [segment for segment, _ in segments] == ["Thing", "Next"]
    assert parse_key(THING, segments[0][1] or "") == {"Name": name, "Part": part}


@given(st.decimals(min_value=-999999, max_value=999999, places=3), st.decimals(-999999, 999999, places=3))
def test_decimals_compare_as_numbers(first: Decimal, second: Decimal) -> None:
    """A filter over decimals says what Python's Decimal says, whatever the spelling."""
    row = THING.row(Name="x", Part="y", Amount=from_json(THING.by_name["Amount"], str(first)))
    for operator, expected in (("eq", first == second), ("gt", first > second), ("le", first <= second)):
        assert parse_filter(f"Amount {operator} {second}M", THING).keeps(row) is expected


@given(TEXT)
def test_strings_with_quotes_are_found(name: str) -> None:
    """A doubled quote in a literal is one quote of the value."""
    keeps = parse_filter(f"Name eq '{name.replace(chr(39), chr(39) * 2)}'", THING).keeps
    assert keeps(THING.row(Name=name, Part=""))
    assert not keeps(THING.row(Name=name + "!", Part=""))


@given(st.datetimes(min_value=__import__("datetime").datetime(1900, 1, 1)))
def test_instants_keep_their_milliseconds(instant: object) -> None:
    """An instant on the wire and back differs by less than a millisecond."""
    from datetime import UTC, datetime

    assert isinstance(instant, datetime)
    aware = instant.replace(tzinfo=UTC)
    assert 0 <= (aware - wire_datetime(wire_instant(aware))).total_seconds() < 0.001


@given(st.text(max_size=60))
def test_no_filter_text_escapes_as_anything_but_a_fault(text: str) -> None:
    """Whatever stands in $filter is compiled or refused with 400."""
    try:
        parse_filter(text, THING)
    except ODataFault as fault:
        assert fault.status == 400


@given(st.text(max_size=60))
def test_no_address_escapes_as_anything_but_a_fault(text: str) -> None:
    """Whatever stands in an address is read or refused with 400 or 404."""
    try:
        for name, predicate in split_path(text):
            if predicate is not None:
                parse_key(THING, predicate)
            assert name
    except ODataFault as fault:
        assert fault.status in (400, 404)


@pytest.mark.parametrize(
    ("prop", "value", "expected"),
    [
        (Property("P", "String", 3), "abc", "abc"),
        (Property("P", "String", 10, alpha=True), "0000000042", "42"),
        (Property("P", "Decimal", precision=5, scale=2), "1.5", "1.50"),
        (Property("P", "Decimal", precision=5, scale=2, unit="U"), "1.50", "1.5"),
        (Property("P", "Int32"), 7, 7),
        (Property("P", "Int64"), "7", "7"),
        (Property("P", "DateTime"), "2026-03-02T10:00:00", "/Date(1772445600000)/"),
        (Property("P", "DateTime", is_day=True), "/Date(1772445600000)/", "/Date(1772409600000)/"),
        (Property("P", "DateTimeOffset"), "/Date(1772445600000+0000)/", "/Date(1772445600000+0000)/"),
        (Property("P", "Time"), "PT8H5M", "PT08H05M00S"),
        (Property("P", "Guid"), "0050568D-393C-1ED4-9D97-E65F0F3FCC23", "0050568d-393c-1ed4-9d97-e65f0f3fcc23"),
        (Property("P", "Double"), "1.50", "1.5"),
        (Property("P", "String", 3), None, ""),
        (Property("P", "DateTime"), None, None),
    ],
)
def test_values_are_stored_as_the_wire_writes_them(prop: Property, value: object, expected: object) -> None:
    """A JSON value becomes the one form that answers show."""
    assert from_json(prop, value) == expected


@pytest.mark.parametrize(
    ("prop", "value"),
    [
        (Property("P", "String", 3), "abcd"),
        (Property("P", "String", 3), 1),
        (Property("P", "Decimal", precision=5, scale=2), 1.5),
        (Property("P", "Decimal", precision=5, scale=2), "1.555"),
        (Property("P", "Decimal", precision=5, scale=2), "1234.5"),
        (Property("P", "Decimal", precision=5, scale=2), "NaN"),
        (Property("P", "Int32"), 2**31),
        (Property("P", "Int32"), True),
        (Property("P", "Byte"), -1),
        (Property("P", "DateTime"), "/Date(99999999999999999)/"),
        (Property("P", "DateTime"), "2026-13-01"),
        (Property("P", "DateTime"), 5),
        (Property("P", "Time"), "PT25H"),
        (Property("P", "Time"), "soon"),
        (Property("P", "Guid"), "x"),
        (Property("P", "Boolean"), "true"),
        (Property("P", "Double"), "Infinity"),
        (Property("P", "String", 3, is_key=True), None),
    ],
)
def test_values_of_another_type_are_refused(prop: Property, value: object) -> None:
    """What is not of its declared type, length or precision is a 400 that names the property."""
    with pytest.raises(ODataFault) as caught:
        from_json(prop, value)
    assert (caught.value.status, caught.value.target) == (400, "P")


def test_entity_tags_follow_their_property() -> None:
    """A tag holds the change stamp or the version, percent-encoded, weak as SAP's."""
    stamp = Property("P", "DateTimeOffset")
    assert etag_of(stamp, "/Date(1772445600123+0000)/") == "W/\"datetimeoffset'2026-03-02T10%3A00%3A00.1230000Z'\""
    assert etag_of(Property("P", "String"), "0001") == "W/\"'0001'\""


@pytest.mark.parametrize("line", ["Name Strin(3)", "Name String(3) keyy", "Name String(x)"])
def test_a_declaration_that_cannot_be_read_names_its_line(line: str) -> None:
    """A typing error in a declaration fails at import with the line and what is known."""
    with pytest.raises(ValueError, match="known") as caught:
        properties(line)
    assert "Name" in str(caught.value)
