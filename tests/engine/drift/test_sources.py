"""Files as sources: read as they are written, and whatever cannot be read is named and never guessed."""

from __future__ import annotations

import gzip
import json
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from assay.drift.pairs.engine import compare
from assay.drift.pairs.model import Class, Field, Kind, Pair
from assay.drift.pairs.sources import Landing, rows_of
from assay.errors import AssayError, InfrastructureError, UsageError
from tests.conftest import Project
from tests.engine.drift.source_rows import read, rows, side

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_numbers_of_json_lines_keep_every_digit(tmp_path: Path) -> None:
    """What no floating-point number holds comes as it is written, at any depth; what is a string keeps its zeros."""
    big, deep = "123456789012345678901234567890.12", "0.1000000000000000055"
    (tmp_path / "o.jsonl").write_text(
        f'{{"number": "0012", "total": {big}, "lines": [{{"price": {deep}, "note": "a 1234567890123456789.0 b"}}]}}\n'
        '{"number": 13, "total": 19.90, "a/b": null, "paid": true}\n'
    )
    first, second = rows({"kind": "jsonl", "path": "o.jsonl"}, tmp_path)
    assert (first["number"], first["total"]) == ("0012", big)
    assert json.loads(first["lines"]) == [{"price": deep, "note": "a 1234567890123456789.0 b"}]
    assert (second["number"], Decimal(second["total"]), second["paid"]) == ("13", Decimal("19.9"), "true")
    assert second["a/b"] is None and second["lines"] is None


def test_what_is_no_number_is_not_made_one(tmp_path: Path) -> None:
    """Long numbers with zeros before them, or two points, are no JSON, and no text either."""
    wrong = ("0012345678901234567", "1.2345678901234567.8", "12345678901234567.", "1234567890123456e")
    (tmp_path / "o.jsonl").write_text("".join(f'{{"number": {each}}}\n' for each in wrong))
    found, unread = read({"kind": "jsonl", "path": "o.jsonl"}, tmp_path)
    assert (found, unread) == ([], [f"o.jsonl, line {number}: no JSON" for number in range(1, 5)])


def test_keys_within_are_columns_by_pointer(tmp_path: Path) -> None:
    """A value from within an object is a column where the source says how to get there."""
    (tmp_path / "o.jsonl").write_text('{"number": "1", "customer": {"e/mail": "a@b.example"}}\n')
    source = {"kind": "jsonl", "path": "o.jsonl", "columns": {"email": "/customer/e~1mail"}}
    assert rows(source, tmp_path)[0]["email"] == "a@b.example"


def test_lines_that_are_no_records_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    """Too long a line, bytes that are no UTF-8, no JSON, no object, and an end half-way: each by its place."""
    (tmp_path / "o.jsonl").write_bytes(
        b'\xef\xbb\xbf{"number": "1"}\n\n{"number": "\xff"}\n{"number": "' + b"x" * 400 + b'"}\n'
        b'[1]\nnumber 6\n{"number": "7"}\n{"number": "8", "total": 19'
    )
    found, unread = read({"kind": "jsonl", "path": "o.jsonl", "longest_line": 200}, tmp_path)
    assert [row["number"] for row in found] == ["1", "7"]
    assert sorted(unread) == [
        "o.jsonl, line 3: no UTF-8 at byte 13",
        "o.jsonl, line 4: longer than 200 bytes, and not read",
        "o.jsonl, line 5: no JSON object",
        "o.jsonl, line 6: no JSON",
        "o.jsonl, line 8: the file ends in the middle of a record",
    ]


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_line_without_end_is_never_held(tmp_path: Path, kind: str) -> None:
    """A file that is one line of 160 MB costs no memory for it, is named, and what stands around it is read."""
    before, after = (b'{"n": "1"}\n', b'{"n": "2"}\n') if kind == "jsonl" else (b"n,m\n1,1\n", b"2,2\n")
    with (tmp_path / "big").open("wb") as stream:
        stream.write(before)
        for _ in range(160):
            stream.write(b"x" * 2**20)
        stream.write(b"\n" + after)
    script = (
        "import resource, sys\nfrom pathlib import Path\nfrom tests.engine.drift.source_rows import read\n"
        f"read({{'kind': {kind!r}, 'path': 'small'}}, Path(sys.argv[1]))\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"found, unread = read({{'kind': {kind!r}, 'path': 'big'}}, Path(sys.argv[1]))\n"
        "print([row['n'] for row in found], unread)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024 < 110)\n"
    )
    (tmp_path / "small").write_bytes(before + after)
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, cwd=root)
    place = "line 2" if kind == "jsonl" else "line 3"
    named = f"big, {place}: longer than {16 * 2**20:,} bytes, and not read"
    assert done.stdout.splitlines() == [f"['1', '2'] ['{named}']", "True"], done.stderr


def test_half_an_archive_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """Of a packed file that ends half-way the records before it are there, and the end is named."""
    whole = gzip.compress(b"".join(b'{"number": "%d"}\n' % number for number in range(50_000)))
    (tmp_path / "o.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    found, unread = read({"kind": "jsonl", "path": "o.jsonl.gz"}, tmp_path)
    assert 1_000 < len(found) < 50_000
    assert "the archive ends half-way" in unread[0]
    (tmp_path / "o.jsonl.gz").write_bytes(whole)
    assert len(rows({"kind": "jsonl", "path": "o.jsonl.gz"}, tmp_path)) == 50_000


def test_separated_values_are_text(tmp_path: Path) -> None:
    """No type is guessed, a quoted value holds separators and line ends, an empty one is none."""
    (tmp_path / "a.csv").write_bytes(b'\xef\xbb\xbfnumber,note,total\r\n0012,"a,\r\n""b""",1e400\r\n0013,,\r\n')
    assert rows({"kind": "csv", "path": "*.csv"}, tmp_path) == [
        {"number": "0012", "note": 'a,\r\n"b"', "total": "1e400"},
        {"number": "0013", "note": None, "total": None},
    ]
    (tmp_path / "b.txt").write_bytes("0012;Müller €\n".encode("cp1252"))
    source = {"kind": "csv", "path": "b.txt", "delimiter": ";", "encoding": "cp1252", "names": ["number", "name"]}
    assert rows(source, tmp_path) == [{"number": "0012", "name": "Müller €"}]


def test_a_file_is_parsed_however_little_memory_one_compares_in(tmp_path: Path) -> None:
    """A monitor of the least memory reads a file whose parsing takes more: what it may hold is for comparing."""
    from assay.drift.pairs.connecting import limited

    (tmp_path / "o.csv").write_text("number,filler\n" + f"1,{'x' * 1_000}\n" * 110_000)
    source = side({"kind": "csv", "path": "o.csv"})
    with limited(until=time.monotonic() + 300, memory_mb=100):
        rows_of(source, folder=tmp_path, landing=Landing(tmp_path / "landed"), at=NOW).land()  # type: ignore[attr-defined]
    (part,) = (tmp_path / "landed").rglob("*.parquet")
    assert parquet.read_metadata(part).num_rows == 110_000


def test_broken_records_of_separated_values_are_named(tmp_path: Path) -> None:
    """Too few values, too many, no UTF-8 and an end half-way are named; the records around them are read."""
    (tmp_path / "o.csv").write_bytes(b"number,total\n1,10\n2\n3,1,2\n4,\xff\n5,50\n6")
    found, unread = read({"kind": "csv", "path": "o.csv"}, tmp_path)
    assert [row["number"] for row in found] == ["1", "5"]
    assert unread == [
        "o.csv, record 2: too few values",
        "o.csv, record 3: too many values",
        "o.csv, record 4: no UTF-8",
        "o.csv, record 6: the file ends in the middle of a record",
    ]


def test_nothing_missing_is_concluded_from_half_a_side(tmp_path: Path) -> None:
    """Compared with a file that ends half-way, what was read is compared, and what was not is no missing record."""
    orders = [{"number": f"{number:04}", "total": "10"} for number in range(1_000)]
    text = "".join(json.dumps(order) + "\n" for order in orders)
    (tmp_path / "shop.jsonl").write_text(text)
    (tmp_path / "erp.jsonl").write_text(
        text[: len(text) // 2 + 5].replace('"0007", "total": "10"', '"0007", "total": "11"')
    )
    pair = Pair(
        name="orders",
        about="orders",
        left=side({"kind": "jsonl", "path": "shop.jsonl"}),
        right=side({"kind": "jsonl", "path": "erp.jsonl"}),
        fields=(Field(name="total", kind=Kind.NUMBER, left="total", right="total"),),
    )
    opened = [rows_of(each, folder=tmp_path) for each in (pair.left, pair.right)]
    outcome = compare(pair, opened[0], opened[1], at=NOW)
    assert outcome.classes == {Class.DIFFERS: 1} and outcome.counts.only_left > 400
    assert "the file ends in the middle of a record" in outcome.unread[0]


def test_the_command_says_where_half_a_side_ends(project: Project) -> None:
    """A shop's SQLite against an export that ends half-way is exit 3: what differs is listed, nothing is missing."""
    _shop(project.path / "shop.sqlite")
    lines = [f'{{"nr": "{n:04}", "total": {n}}}\n' for n in range(0, 1_100, 2)]
    (project.path / "erp.jsonl").write_text("".join(lines).replace('"0008", "total": 8', '"0008", "total": 8.5')[:-5])
    (project.path / "monitors" / "drift").mkdir(parents=True)
    (project.path / "monitors" / "drift" / "orders.toml").write_text(
        "[pairs.orders]\nabout = 'every second order'\n"
        "left = { system = 'shop', key = 'number', source = { kind = 'sqlite', path = 'shop.sqlite', "
        "query = 'SELECT * FROM orders WHERE units % 2 = 0' } }\n"
        "right = { system = 'erp', key = 'nr', source = { kind = 'jsonl', path = 'erp.jsonl' } }\n"
        "fields = { total = { kind = 'number' } }\n"
    )
    done = project.assay("drift", "records", "--json")
    assert done.returncode == 3, done.stderr + done.stdout
    assert "erp.jsonl, line 550: the file ends in the middle of a record" in done.stdout
    assert '"0008"' in done.stdout and "missing" not in done.stdout


def test_an_empty_file_is_a_side_without_a_row(tmp_path: Path) -> None:
    """An export of nothing is read as nothing, without a word on columns."""
    for name in ("o.csv", "o.jsonl"):
        (tmp_path / name).write_bytes(b"")
        assert rows({"kind": name.partition(".")[2], "path": name}, tmp_path) == []


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_a_name_with_the_signs_of_a_pattern_is_a_name(tmp_path: Path, kind: str) -> None:
    """A file called `orders [1]*?` is that file, and not a pattern that others match."""
    folder = tmp_path / "a[b]"
    folder.mkdir()
    for name, number in (("o [1]*?", "1"), ("o [1]xy", "2")):
        place = folder / f"{name}.{kind}"
        if kind == "parquet":
            parquet.write_table(pa.table({"number": [number]}), place)
        else:
            place.write_text(f"number\n{number}\n" if kind == "csv" else f'{{"number": "{number}"}}\n')
    assert rows({"kind": kind, "path": f"o [1]*?.{kind}"}, folder) == [{"number": "1"}]


def test_half_a_parquet_file_is_named(tmp_path: Path) -> None:
    """Of several files the whole ones are read and the other is named; where none is whole nothing can be read."""
    for number in ("1", "2"):
        parquet.write_table(pa.table({"number": [number]}), tmp_path / f"{number}.parquet")
    broken = tmp_path / "2.parquet"
    broken.write_bytes(broken.read_bytes()[:-20])
    found, unread = read({"kind": "parquet", "path": "*.parquet"}, tmp_path)
    assert found == [{"number": "1"}] and unread == ["2.parquet is no whole Parquet file, and was not read"]
    with pytest.raises(InfrastructureError, match="no Parquet file of erp is whole"):
        read({"kind": "parquet", "path": "2.parquet"}, tmp_path)


def _shop(path: Path) -> Path:
    """A shop's SQLite file: its amounts are whole or not, as SQLite keeps them, and its notes of any type."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (number TEXT, total DECIMAL(10,2), units INTEGER, note, late TEXT)")
        many = [(f"{n:04}", n + 0.9 * (n % 2), n, None, None) for n in range(1_100)]
        odd: list[tuple[object, ...]] = [
            ("A", 0.1 + 0.2, 2**62, 20, "x"),
            ("B", 20, None, "text", None),
            ("C", None, 1, b"\xff", None),
        ]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", [*many, *odd])
    connection.close()
    return path


def test_sqlite_is_read_whatever_types_a_column_has(tmp_path: Path) -> None:
    """Values of several types in one column come as text each, exactly; a column of one type keeps it."""
    _shop(tmp_path / "shop 1?.sqlite")
    found = rows({"kind": "sqlite", "path": "shop 1?.sqlite", "table": "orders"}, tmp_path)
    by_number = {row["number"]: row for row in found}
    assert len(found) == 1_103
    assert (by_number["0003"]["total"], by_number["0004"]["total"]) == ("3.9", "4")
    assert float(by_number["A"]["total"]) == 0.1 + 0.2 and by_number["A"]["units"] == 2**62
    assert [by_number[each]["note"] for each in "ABC"] == ["20", "text", "ff"]
    assert by_number["A"]["late"] == "x"


def test_a_text_of_sqlite_that_is_no_text_is_named(tmp_path: Path) -> None:
    """SQLite keeps any bytes as text; a row with such is named and left out."""
    _shop(tmp_path / "s.sqlite")
    with sqlite3.connect(tmp_path / "s.sqlite") as connection:
        connection.execute("INSERT INTO orders (number) VALUES (CAST(x'ff41' AS TEXT))")
    connection.close()
    found, unread = read({"kind": "sqlite", "path": "s.sqlite", "query": "SELECT number FROM orders"}, tmp_path)
    assert len(found) == 1_103 and unread == ["row 1104: 'number' is no UTF-8"]


def test_sqlite_is_only_read(tmp_path: Path) -> None:
    """Whatever a query tries, the file stays as it is, and no other file is made or written."""
    path = _shop(tmp_path / "s.sqlite")
    before = path.read_bytes()
    tries = (
        "SELECT 1) AS side; DELETE FROM orders; SELECT * FROM (SELECT 1",
        "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
        f"SELECT 1) AS side; ATTACH '{tmp_path / 'other'}' AS o; CREATE TABLE o.t (x); SELECT * FROM (SELECT 1",
    )
    for query in tries:
        try:
            rows({"kind": "sqlite", "path": "s.sqlite", "query": query}, tmp_path)
        except AssayError as error:
            assert error.exit_code in (2, 4)
    assert path.read_bytes() == before and sorted(tmp_path.iterdir()) == [path]


def test_what_is_landed_stays_for_a_while(tmp_path: Path) -> None:
    """A whole landing is found again and removed after its time, but for the last; half a one is never the last."""
    (tmp_path / "o.jsonl").write_text('{"number": "1"}\n')
    landing = Landing(tmp_path / "landed", keep=timedelta(days=2))
    source = side({"kind": "jsonl", "path": "o.jsonl"})
    for day in (1, 2, 3):
        rows_of(source, folder=tmp_path, landing=landing, at=NOW + timedelta(days=day)).land()  # type: ignore[attr-defined]
    latest = landing.latest("erp")
    assert latest is not None and [each.name for each in latest.iterdir()] == ["part-00001.parquet"]
    (tmp_path / "o.jsonl").write_text('{"number": "1"}\n{"num')
    rows_of(source, folder=tmp_path, landing=landing, at=NOW + timedelta(days=4)).land()  # type: ignore[attr-defined]
    assert landing.latest("erp") == latest
    killed = landing.begin("erp", NOW)
    assert len(landing.prune(NOW + timedelta(days=30))) == 4 and not killed.exists()
    folders = [each for each in (tmp_path / "landed" / "erp").iterdir() if each.is_dir()]
    assert landing.latest("erp") == latest and folders == [latest]


def test_each_system_keeps_its_landings_for_its_own_time(tmp_path: Path) -> None:
    """Who lands one system with a short time removes nothing of another that is kept longer."""
    (tmp_path / "o.jsonl").write_text('{"number": "1"}\n')
    source = {"kind": "jsonl", "path": "o.jsonl"}
    for system, keep in (("long", timedelta(days=30)), ("short", timedelta(days=1))):
        landing = Landing(tmp_path / "landed", keep=keep)
        for day in (1, 2, 3):
            at = NOW + timedelta(days=day)
            rows_of(replace(side(source), system=system), folder=tmp_path, landing=landing, at=at).land()  # type: ignore[attr-defined]
    removed = landing.prune(NOW + timedelta(days=5))
    assert sorted(each.parent.name for each in removed) == ["short", "short"]
    assert len(landing.whole("long")) == 3 and len(landing.whole("short")) == 1


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"kind": "cvs"}, ("no such kind", "did you mean 'csv'?")),
        ({"kind": "csv", "pth": "x"}, ("no key 'pth'", "did you mean 'path'?")),
        ({"kind": "csv"}, ("'path' of the source is missing",)),
        ({"kind": "csv", "path": "no*.csv"}, ("no such file", "no*.csv")),
        ({"kind": "csv", "path": "s3://key:secret@bucket/x"}, ("a file of this machine",)),
        ({"kind": "csv", "path": "twice.csv"}, ("two columns are called 'number'",)),
        ({"kind": "csv", "path": "semicolons.csv"}, ("another separator", 'delimiter = ";"')),
        ({"kind": "jsonl", "path": "o", "encoding": "utf-9"}, ("no encoding is called 'utf-9'",)),
        ({"kind": "sqlite", "path": "x"}, ("one of the two",)),
        ({"kind": "sqlite", "path": "x", "query": "DELETE FROM x"}, ("begins with SELECT",)),
        ({"kind": "mysql", "address": "mysql://u:secret@h/d", "table": "t"}, ("a password stands in the address",)),
        ({"kind": "mysql", "address": "mysql://u@h:port/d", "table": "t"}, ("the port of erp's database",)),
        ({"kind": "postgresql", "address": "env:NOT_SET", "table": "t"}, ("is not set", "export NOT_SET")),
        ({"kind": "postgresql", "address": "mysql://h/d", "table": "t"}, ("postgresql://",)),
    ],
)
def test_a_source_declared_wrongly_says_what_to_do(tmp_path: Path, source: dict[str, str], words: list[str]) -> None:
    """The key, the value or the file that is wrong is named, with the next step, and never a secret."""
    (tmp_path / "twice.csv").write_text("Number,number\n1,2\n")
    (tmp_path / "semicolons.csv").write_text("number;total\n1;2\n")
    with pytest.raises(UsageError) as error:
        read(source, tmp_path)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert "secret@" not in str(error.value)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """A file of something else, and a table that is not there, are told apart."""
    (tmp_path / "s.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(InfrastructureError, match=r"cannot be read") as error:
        read({"kind": "sqlite", "path": "s.sqlite", "table": "orders"}, tmp_path)
    assert "file is not a database" in str(error.value)
    _shop(tmp_path / "t.sqlite")
    with pytest.raises(UsageError, match=r"no such table: \S*ordres"):
        read({"kind": "sqlite", "path": "t.sqlite", "table": "ordres"}, tmp_path)
