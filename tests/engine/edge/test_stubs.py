"""Stubs as files of a project: what is read, and what is refused in words."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from assay.edge import holds_card_number, holds_masked_card, load_stubs
from assay.errors import UsageError

STUB = {"request": {"method": "GET", "urlPath": "/a"}, "response": {"status": 200}}


def test_files_and_folders_of_wiremock_work_as_they_are(tmp_path: Path) -> None:
    """One mapping a file, several under `mappings`, sub-folders, and bodies in `__files` beside or inside."""
    folder = tmp_path / "stubs"
    (folder / "deep").mkdir(parents=True)
    (folder / "__files").mkdir()
    (tmp_path / "__files").mkdir()
    (folder / "__files" / "in.json").write_text('{"in": 1}')
    (tmp_path / "__files" / "beside.txt").write_text("beside")
    (folder / "1.json").write_text(json.dumps(STUB))
    bodies = [{**STUB, "response": {"bodyFileName": name}} for name in ("in.json", "beside.txt")]
    (folder / "deep" / "2.json").write_text(json.dumps({"mappings": bodies}))
    first, second, third = load_stubs(folder)
    assert first == STUB
    assert base64.b64decode(second["response"]["base64Body"]) == b'{"in": 1}'
    assert base64.b64decode(third["response"]["base64Body"]) == b"beside"
    assert load_stubs(tmp_path / "nowhere") == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "JSONDecodeError"),
        ('{"response": {}}', "no object 'request'"),
        ('{"mappings": [{"request": {}}]}', "no object 'response'"),
        ('{"request": {}, "response": {"bodyFileName": "gone.json"}}', "gone.json"),
    ],
)
def test_what_is_no_mapping_is_named(tmp_path: Path, content: str, said: str) -> None:
    """A file that is no mapping, or names a body that is not there, is refused with its path."""
    (tmp_path / "odd.json").write_text(content)
    with pytest.raises(UsageError) as refused:
        load_stubs(tmp_path)
    assert str(tmp_path / "odd.json") in str(refused.value)
    assert said in str(refused.value)


def test_a_card_number_in_a_stub_is_refused_with_its_place(tmp_path: Path) -> None:
    """A full card number anywhere in a stub is refused with file and place, and is not repeated."""
    answer = {"card": {"numbers": ["token", "4242 4242 4242 4242"]}}
    (tmp_path / "paid.json").write_text(json.dumps({**STUB, "response": {"jsonBody": answer}}))
    with pytest.raises(UsageError) as refused:
        load_stubs(tmp_path)
    assert f"{tmp_path / 'paid.json'}: response.jsonBody.card.numbers.1" in str(refused.value)
    assert "4242" not in str(refused.value).replace(str(tmp_path), "")


def test_what_is_a_card_number_and_what_is_not() -> None:
    """A full number is found however it is typed; instants in milliseconds and masked numbers are none."""
    assert all(holds_card_number(text) for text in ("4242424242424242", "n=5555-5555-5555-4444&", "378282246310005"))
    assert not any(holds_card_number(text) for text in ("1700000000003", "424242******4242", "4242424242424241", "***"))
    assert holds_masked_card("pan=424242******4242")
    assert not holds_masked_card("170000***0003")
