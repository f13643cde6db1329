"""Files of pairs: what they may say, and that whatever is wrong is refused with its place and the nearest name."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from assay.drift.pairs.accepted import Accepted, without_accepted
from assay.drift.pairs.model import Apart, Cause, Class, Counts, Difference, Kind, Outcome, Pair
from assay.drift.pairs.reading import Declared, pair_files, read_pairs
from assay.errors import UsageError
from assay.rounding import Rounding

_AT = datetime(2026, 11, 23, tzinfo=UTC)
PROFILE = Rounding(tax_included=True, level="unit", mode="half_up")
ORDERS = """
[pairs.orders]
about = "Every order stands in the ERP"
window = "7d"
grace = "15m"
worth = "total"
dimensions = ["store"]
ignored = { note = "free text" }

[pairs.orders.left]
system = "merchant"
source = { kind = "parquet", path = "shop/*.parquet" }
key = "number"
placed = "placed_at"
zone = "Europe/Paris"
amounts = { currency_column = "currency" }
rounding = "profile"

[pairs.orders.right]
system = "sap_s4hana"
source = { kind = "parquet", path = "erp/*.parquet" }
key = ["SalesOrder"]
placed = "CreatedAt"
amounts = { unit = "major", currency_column = "Waers" }
rounding = { tax_included = false, level = "total", mode = "half_up" }

[pairs.orders.fields.total]
kind = "money"
right = "Total"
quantity = "units"
extras = []

[pairs.orders.fields.status]
kind = "status"
statuses = { paid = "B", shipped = "C" }

[pairs.orders.fields.created]
kind = "instant"
left = "placed_at"
right = "CreatedAt"
skew = "2s"

[[accepted]]
pair = "orders"
key = "R-2025-*"
field = "total"
cause = "tax in or out"
owner = "finance"
reason = "booked net"
until = 2026-12-31
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with one file of pairs."""
    (tmp_path / "monitors" / "drift").mkdir(parents=True)
    (tmp_path / "monitors" / "drift" / "orders.toml").write_text(ORDERS, encoding="utf-8")
    return tmp_path


def declared(folder: Path, *changes: tuple[str, str]) -> Declared:
    """Read the project's pairs after a change of the file."""
    text = ORDERS
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "monitors" / "drift" / "orders.toml").write_text(text, encoding="utf-8")
    return read_pairs(pair_files([folder]), rounding=PROFILE)


def test_a_file_gives_what_it_says(folder: Path) -> None:
    """Every key of a file arrives where the comparison looks for it; a column is called as its field if not said."""
    found = declared(folder)
    pair = found.pairs["orders"]
    assert (pair.window, pair.grace, pair.dimensions, pair.worth) == (
        timedelta(days=7),
        timedelta(minutes=15),
        ("store",),
        "total",
    )
    assert (pair.left.key, pair.right.key) == (("number",), ("SalesOrder",))
    total, status, created = pair.fields
    assert (total.name, total.kind, total.left, total.right, total.quantity, total.extras) == (
        *("total", Kind.MONEY, "total", "Total", "units"),
        (),
    )
    assert total.left_amounts is not None and total.right_amounts is not None
    assert (total.left_amounts.rounding, total.left_amounts.unit) == (PROFILE, "minor")
    assert (total.right_amounts.unit, total.right_amounts.currency_column) == ("major", "Waers")
    assert total.right_amounts.rounding == Rounding(tax_included=False, level="total", mode="half_up")
    assert status.statuses == {"paid": "B", "shipped": "C"}
    assert (created.skew, created.left_zone, created.right_zone) == (timedelta(seconds=2), "Europe/Paris", "UTC")
    assert pair.declared_in.endswith("orders.toml")
    counted = declared(folder, ('zone = "Europe/Paris"', 'zone = "epoch_ms"')).pairs["orders"]
    assert counted.field("created").left_zone == "epoch_ms"
    (known,) = found.accepted
    assert (known.key, known.field, known.cause, known.until) == (
        *(("R-2025-*",), "total", Cause.TAX),
        date(2026, 12, 31),
    )


MONEY = '[pairs.orders.fields.total]\nkind = "money"'
WRONG = {
    "misspelt key of a pair": (
        'window = "7d"',
        'windov = "7d"',
        "unknown key 'windov'",
        "pairs.orders.windov",
        "window",
    ),
    "misspelt key of a side": ('placed = "p', 'plased = "p', "unknown key 'plased'", "orders.left.plased", "placed"),
    "misspelt key of a field": ('skew = "2s"', 'scew = "2s"', "unknown key 'scew'", "fields.created.scew", "skew"),
    "misspelt kind": ('kind = "instant"', 'kind = "instand"', "Input should be", "created.kind", "'instant'"),
    "misspelt level": ('level = "total"', 'level = "totel"', "Input should be", "right.rounding.level", "'total'"),
    "misspelt profile": (
        'rounding = "profile"',
        'rounding = "profil"',
        "Input should be",
        "left.rounding",
        "'profile'",
    ),
    "misspelt key of rounding": ('mode = "h', 'mod = "h', "unknown key 'mod'", "right.rounding.mod", "'mode'"),
    "misspelt currency": ('{ currency_column = "currency" }', '{ currency = "EURO" }', "EURO", "left.amounts", "EUR"),
    "no span": ('grace = "15m"', 'grace = "a while"', "no span of time", "orders.grace", "15m|5m"),
    "no key": ('key = "number"\n', "", "'key' is missing", "orders.left.key", "number"),
    "keys of other lengths": ('["SalesOrder"]', '["SalesOrder", "Item"]', "different numbers", "orders.right.key", "1"),
    "key twice": ('["SalesOrder"]', '["a", "a"]', "twice in the key", "right.key", "a"),
    "no kind of source": (
        'kind = "parquet", path = "erp',
        'path = "erp',
        "a source has a kind",
        "right.source",
        "kind =",
    ),
    "a window without instants": ('placed = "CreatedAt"\n', "", "cut by the instant", "orders.right.placed", "window"),
    "a grace as long as the window": ('grace = "15m"', 'grace = "7d"', "in flight", "orders.grace", "longer"),
    "worth of no money": ('worth = "total"', 'worth = "totl"', "no field of kind money", "orders.worth", "'total'"),
    "compared and ignored": ("note =", "placed_at =", "both compared and ignored", "orders.ignored", "total"),
    "no status map": ('statuses = { paid = "B", shipped = "C" }', "", "needs its map", "status.statuses", "finding"),
    "a key for another kind": ('skew = "2s"', "scale = 2", "'scale' is for fields of kind number", "created.scale", ""),
    "no currency": ('amounts = { currency_column = "currency" }\n', "", "which currency", "total.left_amounts", "EUR"),
    "two currencies": (
        '{ currency_column = "currency" }',
        '{ currency_column = "c", currency = "EUR" }',
        "two",
        "l",
        "",
    ),
    "no units": ('quantity = "units"\n', "", "grows with the units", "total.quantity", "per unit"),
    "an unknown zone": ('"Europe/Paris"', '"Europe/Pari"', "no time zone", "left.zone", "Europe/Paris"),
    "accepted of no pair": ('pair = "orders"', 'pair = "order"', "no pair 'order'", "accepted 1.pair", "'orders'"),
    "accepted of no field": ('field = "total"', 'field = "totel"', "no field 'totel'", "accepted 1.field", "'total'"),
    "accepted for ever": ("until = 2026-12-31\n", "", "'until' is missing", "accepted.1.until", "for ever"),
    "accepted by nobody": ('owner = "finance"\n', "", "'owner' is missing", "accepted.1.owner", "who decided"),
    "accepted of no cause": ('"tax in or out"', '"tax"', "Input should be", "accepted.1.cause", "'tax in or out'"),
    "accepted of a missing field": (
        'owner = "f',
        'class = "missing"\nowner = "f',
        "no field",
        "accepted 1.field",
        "take",
    ),
    "no list": ('dimensions = ["store"]', "dimensions = 5", "no list", "orders.dimensions", "5"),
    "no table": ('ignored = { note = "free text" }', 'ignored = "note"', "no table", "orders.ignored", "'note'"),
    "no text": ('key = "number"', "key = [1]", "no text", "left.key.1", "1"),
    "no TOML": ("[pairs.orders]", "[pairs.orders", "no TOML", "orders.toml", "line 2"),
    "no good name": ("[pairs.orders]", "[pairs.Orders]\n[pairs.orders]", "is missing", "Orders", "add"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_its_place(folder: Path, case: str) -> None:
    """Each mistake is wrong use; the error names the file, the place, and what to write in its stead."""
    old, new, message, place, hint = WRONG[case]
    with pytest.raises(UsageError) as refused:
        declared(folder, (old, new))
    said = str(refused.value)
    assert message in said
    assert place in (refused.value.where or "")
    assert "orders.toml" in (refused.value.where or "")
    assert any(each in said for each in hint.split("|")), said


def test_the_page_about_drift_shows_what_can_be_read(folder: Path) -> None:
    """The pair and the entry that docs/drift.md shows are read as they stand there."""
    page = (Path(__file__).parents[3] / "docs" / "drift.md").read_text(encoding="utf-8")
    shown = [block for block in page.split("\n\n") if block.startswith(("    [pairs.", "    [[accepted]]"))]
    assert len(shown) == 5, "a pair with two sides and its fields, and an accepted difference"
    text = "\n".join(line.removeprefix("    ") for block in shown for line in block.splitlines())
    (folder / "monitors" / "drift" / "orders.toml").write_text(text, encoding="utf-8")
    found = read_pairs(pair_files([folder]), rounding=PROFILE)
    assert [each.name for each in found.pairs["orders"].fields] == ["total", "status", "placed"]
    assert [each.owner for each in found.accepted] == ["finance"]


def test_the_users_file_hides_a_shipped_one_of_its_name(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A file of the first root takes the place of one of the same name; another name is read beside it."""
    shipped = tmp_path_factory.mktemp("shipped")
    (shipped / "monitors" / "drift").mkdir(parents=True)
    for name in ("orders.toml", "stock.toml"):
        (shipped / "monitors" / "drift" / name).write_text("", encoding="utf-8")
    assert [(path.name, path.is_relative_to(folder)) for path in pair_files([folder, shipped])] == [
        ("orders.toml", True),
        ("stock.toml", False),
    ]


def test_a_pair_declared_twice_is_refused(folder: Path) -> None:
    """Two files may not declare the same pair: one of them would be read by nobody."""
    (folder / "monitors" / "drift" / "more.toml").write_text(ORDERS, encoding="utf-8")
    with pytest.raises(UsageError, match="two pairs are called 'orders'"):
        declared(folder)


def test_the_profiles_rounding_must_be_there(folder: Path) -> None:
    """`rounding = "profile"` without [policies.rounding] is wrong use, and nothing is assumed in its place."""
    with pytest.raises(UsageError, match="does not say how the shop rounds"):
        read_pairs(pair_files([folder]))


def test_an_unknown_pair_is_named_with_the_nearest(folder: Path) -> None:
    """Pairs are chosen by name, all of them without one."""
    found = declared(folder)
    assert [each.name for each in found.chosen([])] == ["orders"]
    with pytest.raises(UsageError, match="did you mean 'orders'"):
        found.chosen(["ordrs"])


def _difference(key: str, *fields: Apart, classed: Class = Class.DIFFERS) -> Difference:
    return Difference(key=(key,), classed=classed, fields=fields)


def _outcome(pair: Pair, *differences: Difference) -> Outcome:
    counts = Counts(left=9, right=9, matched=9, only_left=0, only_right=0, in_flight=0)
    classes = {each: sum(one.classed is each for one in differences) for each in Class}
    return Outcome(
        pair=pair, at=_AT, since=None, until=None, counts=counts, classes=classes, fields={}, differences=differences
    )


def test_an_accepted_difference_is_accepted_field_by_field(folder: Path) -> None:
    """Only what an entry speaks of is taken off: key, field and cause; one field more and the record counts."""
    found = declared(folder)
    total = Apart(field="total", left="1", right="2", cause=Cause.TAX)
    other = Apart(field="total", left="1", right="2", cause=Cause.ROUNDING)
    status = Apart(field="status", left="paid", right="C")
    outcome = _outcome(
        found.pairs["orders"],
        _difference("R-2025-1", total),
        _difference("R-2025-2", other),
        _difference("R-2025-3", total, status),
        _difference("R-2026-1", total),
        _difference("R-2025-4", classed=Class.MISSING),
    )
    judged = without_accepted(outcome, found.accepted, date(2026, 12, 31))
    assert judged.found == 4
    assert [(each.key, entries[0].owner) for each, entries in judged.accepted] == [(("R-2025-1",), "finance")]
    assert not judged.over


def test_past_its_day_an_entry_accepts_nothing(folder: Path) -> None:
    """The day after the last one the difference is found again, and the entry is named as over."""
    found = declared(folder)
    total = Apart(field="total", left="1", right="2", cause=Cause.TAX)
    judged = without_accepted(
        _outcome(found.pairs["orders"], _difference("R-2025-1", total)), found.accepted, date(2027, 1, 1)
    )
    assert judged.found == 1
    assert [(each.reason, count) for each, count in judged.over] == [("booked net", 1)]


def test_an_entry_without_a_key_covers_a_class(folder: Path) -> None:
    """All missing records of a pair may be accepted at once, and nothing but them."""
    found = declared(folder)
    entry = Accepted(pair="orders", owner="o", reason="r", until=date(2027, 1, 1), classed=Class.MISSING)
    outcome = _outcome(
        found.pairs["orders"], _difference("1", classed=Class.MISSING), _difference("2", classed=Class.EXTRA)
    )
    judged = without_accepted(outcome, [entry], date(2026, 1, 1))
    assert [each.classed for each in judged.left] == [Class.EXTRA]
