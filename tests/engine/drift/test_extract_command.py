"""`assay drift extract`, and pairs with a listing as a side: a shop of the project's own, asked over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from tests.conftest import Project
from tests.engine.drift.listing_server import START, Shop, at, served

CONNECTOR = """
from assay.roles import ConnectorHead
from tests.engine.drift.listing_server import OffsetShop

HEAD = ConnectorHead(vendor="webshop", role="shop", live="http://127.0.0.1")

class Webshop(OffsetShop):
    def __init__(self, http, credentials):
        super().__init__(http)
"""
PAIR = """
[pairs.orders]
about = "Every order of the shop stands in the export"
grace = "1m"
worth = "total"

[pairs.orders.left]
system = "webshop"
source = { kind = "listing", listing = "orders", page = 50, hashed = ["email"] }
key = "number"
placed = "placed_at"
amounts = { currency_column = "currency" }

[pairs.orders.right]
system = "erp"
source = { kind = "parquet", path = "erp.parquet" }
key = "number"
placed = "placed_at"
amounts = { currency_column = "currency" }

[pairs.orders.fields]
total = { kind = "money" }
"""
COUNT = 200


@pytest.fixture
def shop(project: Project) -> Iterator[Shop]:
    """A shop with orders of the last hours, and an export of an ERP that lacks one of them."""
    made, rows = Shop(), []
    began = (datetime.now(UTC) - START).total_seconds() - 10 * 3600
    for number in range(1, COUNT + 1):
        made.put(number, round(began + number * 60, 3))
        placed = at(began + number * 60)
        rows.append({"number": f"R-{number}", "total": 1001, "currency": "EUR", "placed_at": placed})
    parquet.write_table(pyarrow.Table.from_pylist([*rows[:6], *rows[7:]]), project.path / "erp.parquet")
    for name, text in (("connectors/webshop.py", CONNECTOR), ("monitors/drift/orders.toml", PAIR)):
        (project.path / name).parent.mkdir(parents=True, exist_ok=True)
        (project.path / name).write_text(text)
    with served(made) as url:
        with project.profile.open("a") as profile:
            profile.write(
                '\n[systems.webshop]\nrole = "shop"\n[environments.watched.systems]\n'
                f'webshop = {{ mode = "live", base_url = "{url}" }}\n'
            )
        yield made


def test_a_listing_is_landed_and_compared(project: Project, shop: Shop) -> None:
    """It is read whole, then not again while it is fresh; the order that the other side lacks is found."""
    env = {"PYTHONPATH": str(Path(__file__).parents[3])}
    done = project.assay("drift", "extract", "--env", "watched", "--json", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    (landed,) = json.loads(done.stdout)["landed"]
    assert (landed["system"], landed["rows"], landed["mode"], landed["again"]) == ("webshop", COUNT, "census", False)
    key = project.path / ".assay" / "watched" / "drift" / "hash.key"
    assert key.stat().st_mode & 0o077 == 0
    asked = shop.answers
    done = project.assay("drift", "records", "--env", "watched", "--json", env=env)
    assert done.returncode == 1, done.stdout + done.stderr
    (pair,) = json.loads(done.stdout)["pairs"]
    assert pair["classes"] == {"missing": 1} and pair["differences"][0]["key"] == ["R-7"]
    done = project.assay("drift", "explain", "orders", "R-7", "--env", "watched", env=env)
    assert done.returncode == 1 and "erp has none of this key" in done.stdout, done.stdout + done.stderr
    assert shop.answers == asked


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('listing = "orders"', 'listing = "ordres"', "did you mean 'orders'"),
        ('listing = "orders", page = 50, hashed = ["email"]', 'listing = "payments"', "cannot list payments"),
        ('system = "webshop"', 'system = "webshp"', "has no system 'webshp'"),
        ("page = 50", 'behind = "2m"', "grace of at least 2m"),
        ("page = 50", "pages = 50", "no key 'pages'"),
        ('["email"]', '["emial"]', "did you mean 'email'"),
    ],
)
def test_what_is_misspelt_is_said(project: Project, shop: Shop, old: str, new: str, said: str) -> None:
    """A listing, a system, an option or a column that is none: exit 2 with the nearest, before anything is asked."""
    file = project.path / "monitors" / "drift" / "orders.toml"
    file.write_text(file.read_text().replace(old, new))
    done = project.type("drift", "extract", "--env", "watched")
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert not shop.answers


def test_a_shop_that_does_not_answer_is_not_an_empty_one(project: Project, shop: Shop) -> None:
    """Exit 3, and nothing is called missing."""
    shop.refuse = lambda number: (500, {})
    done = project.type("drift", "records", "--env", "watched")
    assert done.returncode == 3 and "the shop refused" in done.stdout and "missing" not in done.stdout


@pytest.mark.full
def test_a_record_that_is_behind_is_told_with_its_age(project: Project, shop: Shop) -> None:
    """What the other side holds is what the shop said earlier: stale, and when it was last read so; in two commands."""
    env = {"PYTHONPATH": str(Path(__file__).parents[3])}
    file = project.path / "monitors" / "drift" / "orders.toml"
    file.write_text(file.read_text().replace("page = 50", 'page = 50, fresh = "1s"'))
    assert project.assay("drift", "extract", "--env", "watched", env=env).returncode == 0
    folder = project.path / ".assay" / "watched" / "drift" / "landed" / "webshop-orders"
    (first,) = [each for each in folder.iterdir() if each.is_dir()]
    read_at = json.loads((first / "_extraction.json").read_text())["until"]
    for number in (3, 4, 5):
        shop.change(number, (datetime.now(UTC) - START).total_seconds() - 600)
    shop.change(5, (datetime.now(UTC) - START).total_seconds() - 500)
    rows = parquet.read_table(project.path / "erp.parquet").to_pylist()
    rows[4]["total"] = 777  # of R-5, and of no version
    parquet.write_table(pyarrow.Table.from_pylist(rows), project.path / "erp.parquet")
    done = project.assay("drift", "records", "--env", "watched", "--json", env=env)
    (pair,) = json.loads(done.stdout)["pairs"]
    assert pair["fields"] == {"total": 3}
    said = {each["key"][0]: each["fields"][0] for each in pair["differences"] if each["fields"]}
    assert {key: each["cause"] for key, each in said.items()} == {"R-3": "stale", "R-4": "stale", "R-5": "unknown"}
    minute = datetime.fromisoformat(read_at).strftime("%Y-%m-%d %H:%M")
    assert said["R-3"]["why"] == f"webshop's earlier value, last read so on {minute} UTC"
    done = project.assay("drift", "explain", "orders", "R-4", "--env", "watched", env=env)
    assert f"webshop's earlier value, last read so on {minute} UTC" in done.stdout, done.stdout


@pytest.mark.full
def test_landings_are_removed_when_their_time_is_over(project: Project, shop: Shop) -> None:
    """`keep` is how long they stay: of five reads the last is there, and that is read on from."""
    env = {"PYTHONPATH": str(Path(__file__).parents[3])}
    file = project.path / "monitors" / "drift" / "orders.toml"
    file.write_text(file.read_text().replace("page = 50", 'page = 50, fresh = "1s", keep = "2s"'))
    folder = project.path / ".assay" / "watched" / "drift" / "landed" / "webshop-orders"
    seen: set[Path] = set()
    for number in range(3):
        done = project.assay("drift", "extract", "--env", "watched", "--json", env=env)
        (landed,) = json.loads(done.stdout)["landed"]
        assert landed["mode"] == ("changes" if number else "census") and landed["rows"] == COUNT
        seen.add(Path(landed["folder"]))
        time.sleep(2.1)
    left = [each for each in folder.iterdir() if each.is_dir()]
    assert len(seen) == 3 and left == [max(seen)]
