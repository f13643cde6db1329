"""`assay drift`: pairs of a project compared from the command line, explained, exported, accepted; its exit codes."""

from __future__ import annotations

import contextlib
import csv
import json
import random
import sqlite3
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from assay.drift import extra
from assay.money import exponent
from assay.rounding import Item, Rounding, compose
from tests.conftest import Project

AT = ("--at", "2026-11-23T12:00Z")
GROSS = '{ tax_included = true, level = "unit", mode = "half_up" }'
NET = '{ tax_included = false, level = "total", mode = "half_up" }'
DECLARED = (f"rounding = {GROSS}", f"rounding = {NET}")
PAIR = """
[pairs.orders]
about = "Every order of the shop stands in the ERP"
worth = "total"
grace = "15m"
dimensions = ["store"]
prices = {{ lines = "items", unit_price = "price", quantity = "qty", tax_rate = "tax", tax_included = false }}

[pairs.orders.left]
system = "merchant"
source = {{ kind = "parquet", path = "shop.parquet" }}
key = "number"
placed = "placed_at"
amounts = {{ currency_column = "currency" }}
{left}

[pairs.orders.right]
system = "sap_s4hana"
source = {{ kind = "{kind}", path = "{path}" }}
key = "SalesOrder"
placed = "CreatedAt"
amounts = {{ unit = "major", currency_column = "Waers" }}
{right}

[pairs.orders.fields.total]
kind = "money"
right = "Total"
quantity = "units"
extras = []

[pairs.orders.fields.status]
kind = "status"
right = "Status"
statuses = {{ paid = "B", shipped = "C" }}
"""
ACCEPTED = """
[[accepted]]
pair = "orders"
key = "R-00003"
field = "total"
owner = "finance"
reason = "booked by hand"
until = 2026-11-30
"""
Row = dict[str, Any]


def orders(count: int, *, seed: int = 3) -> tuple[list[Row], list[Row]]:
    """Return orders as a shop and an ERP write them that round differently: gross per unit, net on the total."""
    draw = random.Random(seed)
    gross = Rounding(tax_included=True, level="unit", mode="half_up")
    net = Rounding(tax_included=False, level="total", mode="half_up")
    shop, erp = [], []
    for number in range(count):
        currency = ("EUR", "JPY", "KWD", "USD")[number % 4]
        fine = Decimal((0, (1,), -exponent(currency) - 2))
        items = [
            Item(draw.randint(100, 900_000) * fine, Decimal(draw.randint(1, 9)), draw.choice([Decimal(7), Decimal(20)]))
            for _ in range(draw.choice((1, 1, 2, 3)))
        ]
        shown = [item._replace(unit_price=item.unit_price * (100 + item.tax_rate) / 100) for item in items]
        at = f"2026-11-{20 + number % 3}T{number % 24:02}:00:00Z"
        lines = [{"price": f"{one.unit_price}", "qty": int(one.quantity), "tax": f"{one.tax_rate}"} for one in items]
        shop.append(
            {
                "number": f"R-{number:05}",
                "placed_at": at,
                "currency": currency,
                "total": compose(shown, None, Decimal(0), gross, currency).total.minor,
                "units": int(sum(item.quantity for item in items)),
                "status": "paid",
                "store": "DE" if number % 5 else "B2B",
                "items": json.dumps(lines),
            }
        )
        total = compose(items, None, Decimal(0), net, currency).total.amount
        booked: Row = {"SalesOrder": f"R-{number:05}", "CreatedAt": at, "Waers": currency}
        erp.append({**booked, "Total": f"{total:f}", "Status": "B"})
    return shop, erp


def written(
    project: Project,
    shop: Sequence[Mapping[str, Any]],
    erp: Sequence[Mapping[str, Any]],
    *,
    rounding: tuple[str, str] = DECLARED,
    more: str = "",
) -> None:
    """Put both sides' rows and the pair into a project."""
    for name, rows in (("shop", shop), ("erp", erp)):
        table = pyarrow.Table.from_pylist([dict(row) for row in rows])
        pyarrow.parquet.write_table(table, project.path / f"{name}.parquet")
    declare(project, rounding=rounding, more=more)


def declare(
    project: Project, *, rounding: tuple[str, str] = DECLARED, kind: str = "parquet", path: str = "", more: str = ""
) -> None:
    """Write the file of pairs."""
    folder = project.path / "monitors" / "drift"
    folder.mkdir(parents=True, exist_ok=True)
    said = PAIR.format(left=rounding[0], right=rounding[1], kind=kind, path=path or f"erp.{kind}")
    (folder / "orders.toml").write_text(said + more, encoding="utf-8")


def cells(file: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture
def planted(project: Project) -> Project:
    """A project of 60 orders with one wrong total, one status nobody mapped, one missing, one extra, one doubled."""
    shop, erp = orders(60)
    erp[3]["Total"] = "1.00"
    erp[5]["Status"] = "Q"
    erp.append({**erp[11], "SalesOrder": "X-1"})
    erp.append(dict(erp[9]))
    del erp[7]
    written(project, shop, erp)
    return project


def test_sides_that_round_differently_on_purpose_are_the_same(project: Project) -> None:
    """Of 10,000 orders in four currencies none differs where both say how they round; else both ways are proposed."""
    shop, erp = orders(10_000)
    written(project, shop, erp)
    healthy = project.type("drift", "records", *AT)
    assert healthy.returncode == 0, healthy.stdout
    assert "orders: the same: 10,000 records of merchant, 10,000 of sap_s4hana" in healthy.stdout
    declare(project, rounding=("", ""))
    undeclared = project.type("drift", "records", *AT, "--json", "--limit", "100")
    assert undeclared.returncode == 1
    (found,) = json.loads(undeclared.stdout)["pairs"]
    assert found["open"] > 5_000 and set(found["fields"]) == {"total"}
    (proposal,) = found["proposals"]
    assert (proposal["left"], proposal["right"], proposal["beyond"]) == (GROSS, NET, 0)


def test_what_differs_is_told_and_is_exit_1(planted: Project) -> None:
    """Every planted difference is told with its class, its record and what it is worth; nothing else is."""
    done = planted.type("drift", "records", *AT)
    assert done.returncode == 1
    assert "orders: 5 differ: 60 records of merchant, 61 of sap_s4hana" in done.stdout
    assert "1 missing, 1 extra, 1 duplicate, 1 differs, 1 unreadable; by field: total 1, status 1" in done.stdout
    assert "at risk: " in done.stdout and "JPY" in done.stdout
    for key, word in (("R-00003", "total"), ("R-00005", "status"), ("R-00007", "missing"), ("X-1", "extra")):
        assert f"  {key}  " in done.stdout and word in done.stdout
    assert "R-00009  duplicate  1 and 2 times" in done.stdout


def test_json_holds_both_records(planted: Project) -> None:
    """For programs each difference stands with its key, class, cause, fields, and both rows as they were read."""
    content = json.loads(planted.type("drift", "records", "orders", *AT, "--json").stdout)
    assert (content["format"], content["failed"]) == (1, [])
    (found,) = content["pairs"]
    assert (found["matched"], found["only_left"], found["only_right"], found["open"]) == (59, 1, 1, 5)
    each = {tuple(one["key"]): one for one in found["differences"]}
    wrong = each["R-00003",]
    assert wrong["class"] == "differs" and wrong["fields"][0]["right"] == "1.00"
    assert wrong["left"]["number"] == wrong["right"]["SalesOrder"] == "R-00003"
    assert each["R-00007",]["right"] is None and each["R-00007",]["at_risk"]["currency"] == "USD"


def test_differences_are_exported_for_repair(planted: Project) -> None:
    """CSV has a row for each differing field, JSON lines a line for each record; both hold all of them."""
    done = planted.type("drift", "records", *AT, "--show", "1", "--csv", "out.csv", "--jsonl", "out.jsonl")
    assert done.stderr.count("5 differing records written to") == 2
    rows = cells(planted.path / "out.csv")
    assert {row["key"] for row in rows} == {"R-00003", "R-00005", "R-00007", "R-00009", "X-1"}
    assert {row["right"] for row in rows if row["field"] == "total"} == {"1.00"}
    lines = [json.loads(line) for line in (planted.path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sorted(line["class"] for line in lines) == ["differs", "duplicate", "extra", "missing", "unreadable"]
    assert not list(planted.path.glob(".out*")), "nothing half-written is left beside them"


def test_a_text_that_a_spreadsheet_would_run_is_disarmed(project: Project) -> None:
    """In CSV what begins as a formula gets an apostrophe before it; JSON lines hold it as it is."""
    shop, erp = orders(40)
    erp[1]["Status"] = '=HYPERLINK("http://example.invalid")'
    written(project, shop, erp)
    project.type("drift", "records", *AT, "--csv", "out.csv", "--jsonl", "out.jsonl")
    (row,) = cells(project.path / "out.csv")
    assert row["right"] == "'" + erp[1]["Status"]
    assert json.loads((project.path / "out.jsonl").read_text(encoding="utf-8"))["right"]["Status"] == erp[1]["Status"]


def test_accepted_until_its_last_day(project: Project) -> None:
    """A known difference is exit 0 until its last day, told with who accepted it; the day after it is red again."""
    shop, erp = orders(40)
    erp[3]["Total"] = "1.00"
    written(project, shop, erp, more=ACCEPTED)
    before = project.type("drift", "records", "--at", "2026-11-30T23:59Z")
    assert before.returncode == 0, before.stdout
    assert "accepted until 2026-11-30 by finance: 1 record: booked by hand" in before.stdout
    after = project.type("drift", "records", "--at", "2026-12-01T00:00Z")
    assert after.returncode == 1
    assert "orders: 1 differ" in after.stdout
    assert "accepted until 2026-11-30 by finance, over: booked by hand; 1 record still as it was" in after.stdout


def test_what_is_not_held_is_not_accepted_unseen(project: Project) -> None:
    """Where fewer records are held than differ, the rest counts as open, and the limit is named."""
    shop, erp = orders(40)
    for row in erp[:8]:
        row["Total"] = "1.00"
    written(project, shop, erp, more=ACCEPTED.replace("R-00003", "R-*"))
    assert project.type("drift", "records", *AT).returncode == 0
    done = project.type("drift", "records", *AT, "--limit", "5")
    assert done.returncode == 1
    assert "orders: 3 differ" in done.stdout
    assert "only 5 of 8 were held against what is accepted: raise --limit" in done.stdout


def test_a_side_without_a_record_is_no_loss_of_all(project: Project) -> None:
    """An empty side is exit 3: nothing was read from it, and no order is called missing."""
    shop, erp = orders(40)
    written(project, shop, erp)
    empty = pyarrow.Table.from_pylist(erp).slice(0, 0)
    pyarrow.parquet.write_table(empty, project.path / "erp.parquet")
    done = project.type("drift", "records", *AT)
    assert done.returncode == 3
    assert "nothing was read from sap_s4hana" in done.stdout
    assert "missing" not in done.stdout
    explained = project.type("drift", "explain", "orders", "R-00001", *AT)
    assert explained.returncode == 3
    assert "orders R-00001: could not be compared" in explained.stdout and "the same" not in explained.stdout


def test_two_sides_without_a_record_are_nothing_to_compare(project: Project) -> None:
    """Where neither side holds anything nobody is away: exit 5, as where no pair is declared."""
    shop, erp = orders(2)
    written(project, shop, erp)
    for name, rows in (("shop", shop), ("erp", erp)):
        empty = pyarrow.Table.from_pylist(rows).slice(0, 0)
        pyarrow.parquet.write_table(empty, project.path / f"{name}.parquet")
    done = project.type("drift", "records", "orders", *AT)
    assert (done.returncode, "nothing was read from merchant nor from sap_s4hana" in done.stdout) == (5, True)


def test_one_broken_pair_does_not_hide_another(planted: Project) -> None:
    """A pair whose file is not there is told and is exit 2, after the others were compared all the same."""
    broken = (planted.path / "monitors" / "drift" / "orders.toml").read_text(encoding="utf-8")
    broken = broken.replace("pairs.orders", "pairs.gone").replace("shop.parquet", "gone.parquet")
    (planted.path / "monitors" / "drift" / "gone.toml").write_text(broken, encoding="utf-8")
    done = planted.type("drift", "records", *AT)
    assert done.returncode == 2
    assert "gone: not compared: " in done.stdout and "gone.parquet" in done.stdout
    assert "orders: 5 differ" in done.stdout


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_other_files_compare_as_well(project: Project, kind: str) -> None:
    """CSV and JSON lines give the same verdict as Parquet; the texts of a CSV file stay texts."""
    shop, erp = orders(40)
    erp[3]["Total"] = "1.00"
    written(project, shop, erp)
    with (project.path / f"erp.{kind}").open("w", encoding="utf-8", newline="") as out:
        if kind == "csv":
            writer = csv.DictWriter(out, list(erp[0]))
            writer.writeheader()
            writer.writerows(erp)
        else:
            out.writelines(json.dumps(row) + "\n" for row in erp)
    declare(project, kind=kind)
    done = project.type("drift", "records", *AT, "--json")
    (found,) = json.loads(done.stdout)["pairs"]
    assert [one["key"] for one in found["differences"]] == [["R-00003"]]


def test_one_record_is_explained(planted: Project) -> None:
    """Both records stand side by side with what is wrong; the exit code says whether anything is."""
    for key, code, told in (
        ("R-00001", 0, "the same on both sides"),
        ("R-00003", 1, "total: "),
        ("R-00005", 1, "unreadable"),
        ("R-00007", 1, "sap_s4hana has none of this key"),
        ("X-1", 1, "merchant has none of this key"),
        ("R-00009", 1, "sap_s4hana has 2 records of this key"),
        ("R-99999", 5, "neither merchant nor sap_s4hana has R-99999"),
    ):
        done = planted.type("drift", "explain", "orders", key, *AT)
        assert done.returncode == code, done.stdout
        assert told in done.stdout
        assert (code == 5) != ("placed_at" in done.stdout or "CreatedAt" in done.stdout)


def test_a_young_record_is_in_flight(project: Project) -> None:
    """Within the pair's grace an order that is not there yet is neither missing nor the same: it is in flight."""
    shop, erp = orders(40)
    late = {**shop[1], "number": "R-NEW", "placed_at": "2026-11-23T11:50:00Z"}
    written(project, [*shop, late], erp)
    done = project.type("drift", "records", *AT)
    assert done.returncode == 0, done.stdout
    assert "in flight, younger than the grace: 1" in done.stdout
    explained = project.type("drift", "explain", "orders", "R-NEW", *AT)
    assert (explained.returncode, "in flight, missing as yet" in explained.stdout) == (0, True)
    content = json.loads(project.type("drift", "explain", "orders", "R-NEW", *AT, "--json").stdout)
    assert (content["in_flight"], content["right"]) == (True, [])
    assert project.type("drift", "records", "--at", "2026-11-23T12:06Z").returncode == 1


def test_pairs_are_listed_with_what_they_allow(planted: Project) -> None:
    """The list says which systems, which fields, and how many minor units two amounts may lie apart."""
    done = planted.type("drift", "pairs")
    assert done.returncode == 0
    assert "orders: merchant against sap_s4hana, everything, 15m to get there" in done.stdout
    assert "up to 1 + 0.5 a unit minor units apart" in done.stdout
    content = json.loads(planted.type("drift", "pairs", "--json").stdout)
    assert [each["name"] for each in content["pairs"][0]["fields"]] == ["total", "status"]


def test_wrong_use_is_exit_2(planted: Project) -> None:
    """An unknown pair, a key of another length and an instant that is none are wrong use, with what to write."""
    for arguments, told in (
        (("records", "ordrs"), "did you mean 'orders'?"),
        (("explain", "orders", "R-1", "2"), "has 1 of these, in this order: number"),
        (("records", "--at", "soon"), "that is no instant"),
    ):
        done = planted.type("drift", *arguments)
        assert (done.returncode, told in done.stderr) == (2, True), done.stderr


def test_a_source_declared_wrongly_is_named(planted: Project) -> None:
    """A misspelt key or kind of a source is exit 2 with file and side, before anything is read of any pair."""
    file = planted.path / "monitors" / "drift" / "orders.toml"
    text = file.read_text(encoding="utf-8")
    for old, new, told in (("path = ", "paht = ", "did you mean 'path'?"), ('"parquet"', '"parket"', "'parquet'?")):
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        for command in (("pairs",), ("records", *AT), ("explain", "orders", "R-00001", *AT)):
            done = planted.type("drift", *command)
            assert done.returncode == 2, command
            assert (
                told in done.stderr + done.stdout
                and "orders.toml: pairs.orders.left.source" in done.stderr + done.stdout
            )


def test_a_database_is_read_as_files_are(project: Project) -> None:
    """The right side in an SQLite file, read by a query, gives the verdict that its Parquet file gives."""
    shop, erp = orders(40)
    erp[3]["Total"] = "1.00"
    written(project, shop, erp)
    with contextlib.closing(sqlite3.connect(project.path / "erp.sqlite")) as database:
        database.execute("CREATE TABLE booked (SalesOrder, CreatedAt, Waers, Total, Status)")
        database.executemany("INSERT INTO booked VALUES (:SalesOrder, :CreatedAt, :Waers, :Total, :Status)", erp)
        database.commit()
    file = project.path / "monitors" / "drift" / "orders.toml"
    source = '{ kind = "sqlite", path = "erp.sqlite", query = "SELECT * FROM booked" }'
    text = file.read_text(encoding="utf-8").replace('{ kind = "parquet", path = "erp.parquet" }', source)
    file.write_text(text, encoding="utf-8")
    done = project.type("drift", "records", *AT, "--json")
    (found,) = json.loads(done.stdout)["pairs"]
    assert [one["key"] for one in found["differences"]] == [["R-00003"]]


def test_a_database_that_does_not_answer_is_exit_3(project: Project) -> None:
    """Where nobody listens the pair is not compared, and nothing is said of a single order."""
    shop, erp = orders(40)
    written(project, shop, erp)
    file = project.path / "monitors" / "drift" / "orders.toml"
    source = '{ kind = "postgresql", address = "postgresql://reader@127.0.0.1:1/erp", table = "booked" }'
    text = file.read_text(encoding="utf-8").replace('{ kind = "parquet", path = "erp.parquet" }', source)
    file.write_text(text, encoding="utf-8")
    done = project.type("drift", "records", *AT)
    assert done.returncode == 3, done.stdout
    assert "orders: not compared: " in done.stdout and "sap_s4hana" in done.stdout
    assert project.type("drift", "explain", "orders", "R-00001", *AT).returncode == 3


def test_without_a_pair_nothing_is_compared(project: Project) -> None:
    """A project that declares no pair is exit 5 and not a success, and is told where pairs stand."""
    for command in ("records", "pairs"):
        done = project.type("drift", command)
        assert done.returncode == 5
        assert "monitors/drift/*.toml" in done.stdout


def test_a_missing_column_of_the_key_is_named(planted: Project) -> None:
    """A side whose key column is called otherwise is exit 2 with the nearest column."""
    file = planted.path / "monitors" / "drift" / "orders.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('key = "number"', 'key = "nummer"'), encoding="utf-8")
    done = planted.type("drift", "records", *AT)
    assert done.returncode == 2
    assert "no column 'nummer'" in done.stdout and "did you mean 'number'?" in done.stdout
    assert planted.type("drift", "explain", "orders", "R-00001", *AT).returncode == 2


def test_without_the_extra_it_says_what_to_install(planted: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where DuckDB is not installed the command is exit 2 and names the extra; listing pairs needs none of it."""
    monkeypatch.setattr(extra, "find_spec", lambda package: None)
    done = planted.type("drift", "records", *AT)
    assert (done.returncode, "pip install 'assay[drift]'" in done.stderr) == (2, True)
    assert planted.type("drift", "pairs").returncode == 0


def test_a_hostile_text_does_not_reach_the_terminal(project: Project) -> None:
    """Control characters of a record are written out, and neither move the cursor nor break the line."""
    shop, erp = orders(40)
    erp[1]["Status"] = "\x1b[2Jgone\nB"
    written(project, shop, erp)
    for arguments in (("records",), ("explain", "orders", "R-00001")):
        done = project.type("drift", *arguments, *AT)
        assert "\x1b" not in done.stdout
        assert "\\x1b[2Jgone B" in done.stdout
