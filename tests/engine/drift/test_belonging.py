"""`only` and `valid` of a side: which of a system's rows are compared, by every reader of them, and bad input."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.drift.pairs.causes import Known
from assay.drift.pairs.engine import compare
from assay.drift.pairs.incremental import Way, compare_incrementally
from assay.drift.pairs.model import Class, Kind, Pair
from assay.drift.pairs.pending import FirstSeen
from assay.drift.pairs.reading import read_pairs
from assay.drift.pairs.reconciling import Second, explain_key, reconcile
from assay.drift.pairs.rows import table_of
from assay.errors import UsageError
from tests.engine.drift.test_reading import ORDERS, PROFILE
from tests.engine.drift.two_sides import AT, ago, classes, compared, field, pair_of

Row = dict[str, Any]


def _pair(*, left: Row | None = None, right: Row | None = None, **more: Any) -> Pair:
    pair = pair_of(field(Kind.TEXT), **more)
    return replace(pair, left=replace(pair.left, **(left or {})), right=replace(pair.right, **(right or {})))


def _rows(*rows: tuple[Any, ...], names: str = "id value kind") -> list[Row]:
    return [dict(zip(names.split(), row, strict=True)) for row in rows]


ORDERED = _pair(right={"only": {"kind": ("order",)}})
SHOP = _rows(("1", "a", "-"), ("2", "b", "-"), ("3", "c", "-"))
ERP = _rows(("1", "a", "order"), ("1", "x", "invoice"), ("2", "B", "order"), ("3", "c", "credit"), ("9", "z", "credit"))


def test_rows_that_are_otherwise_are_not_of_the_side() -> None:
    """An invoice is no second copy, no other value, no extra record; and an order that is only credited is missing."""
    outcome = compared(ORDERED, SHOP, ERP)
    assert classes(outcome) == {"2": "differs", "3": "missing"}
    assert (outcome.counts.left, outcome.counts.right) == (3, 2)


@pytest.mark.parametrize(
    ("only", "kept"),
    [
        ({"hold": ("",)}, "14"),
        ({"hold": ("stock", "")}, "124"),
        ({"done": (False,)}, "13"),
        ({"done": (False, "")}, "134"),
        ({"lines": (1, 2)}, "12"),
        ({"hold": ("fraud",), "lines": (3,)}, "3"),
        ({"hold": ("'; DROP TABLE looked; --",)}, ""),
    ],
)
def test_a_column_may_be_of_any_plain_type(only: dict[str, tuple[Any, ...]], kept: str) -> None:
    """Texts, truth values and whole numbers choose rows; "" stands for no value; of several columns all must hold."""
    rows = _rows(
        ("1", "", False, 1), ("2", "stock", True, 2), ("3", "fraud", False, 3), ("4", None, None, None),
        names="id hold done lines",
    )  # fmt: skip
    pair = replace(_pair(left={"only": only}), fields=(field(Kind.TEXT, "hold"),))
    outcome = compared(pair, rows, rows)
    assert set(classes(outcome).values()) <= {"extra"}
    assert {"1", "2", "3", "4"} - set(classes(outcome)) == set(kept) or not kept
    assert outcome.counts.left == len(kept)


def test_a_population_without_a_row_is_said_as_such() -> None:
    """Where the source has rows and none is chosen, nothing is called missing, and what was asked for is told."""
    outcome = compared(_pair(right={"only": {"kind": ("ordre", "orders")}}), SHOP, ERP)
    assert (list(outcome.unread), outcome.found) == (["nothing was read from ERP with kind = ordre or orders"], 0)


@pytest.mark.parametrize(
    ("only", "said", "hint"),
    [
        ({"knd": ("order",)}, "no column 'knd'", "did you mean 'kind'?"),
        ({"kind": (False,)}, "'kind' of ERP is a text, and is never False", 'only = { kind = "text" }'),
        ({"count": ("3",)}, "'count' of ERP is a number, and is never '3'", "only = { count = 3 }"),
        ({"count": (True,)}, "'count' of ERP is a number, and is never True", "only = { count = 3 }"),
        ({"open": ("false",)}, "'open' of ERP is true or false, and is never 'false'", "only = { open = true }"),
        ({"tags": ("a",)}, "'tags' of ERP is VARCHAR[], by which rows are not chosen", None),
    ],
)
def test_a_column_that_cannot_say_it_is_refused(only: Row, said: str, hint: str | None) -> None:
    """A column that is not there, or of another type, is wrong use with the nearest name, and not taken for empty."""
    rows = [{"id": "1", "value": "a", "kind": "order", "count": 3, "open": True, "tags": ["a"]}]
    with pytest.raises(UsageError) as caught:
        compared(_pair(right={"only": only}), rows, rows)
    assert said in caught.value.message
    assert (caught.value.hint or "").endswith(hint or "")
    assert (caught.value.where or "").startswith("pair 'orders', right, only")


FROM, UNTIL = "valid_from", "valid_until"
VALID = _pair(right={"valid": (FROM, UNTIL)})


def _prices(*ends: tuple[Any, Any]) -> list[Row]:
    return [{"id": "1", "value": str(number), FROM: begin, UNTIL: end} for number, (begin, end) in enumerate(ends)]


@pytest.mark.parametrize("form", [lambda at: at, lambda at: at and at.isoformat(), lambda at: at and at.date()])
def test_a_row_counts_while_it_is_valid(form: Any) -> None:
    """Of prices that follow one another the one that holds now is compared, whatever type says when."""
    before, now = form(AT - timedelta(days=1)), form(AT)
    rows = _prices((None, before), (before, now), (now, None))
    chosen = "2"
    assert classes(compared(VALID, [{"id": "1", "value": chosen}], rows)) == {}
    earlier = compare(VALID, table_of([{"id": "1", "value": "1"}]), table_of(rows), at=AT - timedelta(hours=13))
    assert classes(earlier) == {}


def test_an_empty_end_is_open_and_an_end_is_outside() -> None:
    """A row without ends always holds; one that ends now does not, one that begins now does; an empty text is open."""
    for ends, there in (((None, None), True), ((AT, None), True), ((None, AT), False), (("", ""), True)):
        outcome = compared(VALID, [{"id": "1", "value": "0"}, {"id": "2", "value": "x"}], [
            *_prices(ends), {"id": "2", "value": "x", FROM: None, UNTIL: None}
        ])  # fmt: skip
        assert ("1" not in classes(outcome)) is there


def test_a_validity_that_cannot_be_read_is_named() -> None:
    """A row that says neither is left out, and then nothing is called missing from its side."""
    rows = [*_prices(("soon", None)), {"id": "2", "value": "y", FROM: "2026-01-01", UNTIL: "9999-12-31"}]
    outcome = compared(VALID, [{"id": "1", "value": "0"}, {"id": "2", "value": "x"}], rows)
    assert list(outcome.unread) == ["ERP: 'valid_from' is no instant of the years 1 to 9999 in 1 row"]
    assert classes(outcome) == {"2": "differs"}


def test_a_validity_is_read_in_the_sides_zone() -> None:
    """A day begins when it begins where the system stands; numbers are instants only where the side says so."""
    at = datetime(2026, 11, 19, 23, 30, tzinfo=UTC)  # the 20th in Paris
    rows = _prices((None, date(2026, 11, 20)), (date(2026, 11, 20), None))
    paris = replace(VALID, right=replace(VALID.right, zone="Europe/Paris"))
    shop = table_of([{"id": "1", "value": "1"}])
    assert [compare(each, shop, table_of(rows), at=at).found for each in (VALID, paris)] == [1, 0]
    numbers = _prices((None, int(at.timestamp())), (int(at.timestamp()), None))
    epoch = replace(VALID, right=replace(VALID.right, zone="epoch"))
    assert compare(epoch, shop, table_of(numbers), at=at).found == 0
    with pytest.raises(UsageError, match="no instant or date"):
        compare(VALID, shop, table_of(numbers), at=at)


def test_a_crowd_rests_on_the_rows_that_count() -> None:
    """What differing records have in common is weighed against the side's population, not against all its rows."""
    left = [{"id": str(n), "value": "a", "kind": "order", "store": "b2b" if n % 4 == 0 else "b2c"} for n in range(80)]
    others = [{"id": f"x{n}", "value": "a", "kind": "quote", "store": "b2b"} for n in range(4000)]
    right = [row for row in left if row["store"] != "b2b"]
    pair = _pair(left={"only": {"kind": ("order",)}}, dimensions=("store",))
    found = reconcile(pair, table_of([*left, *others]), table_of(right), at=AT)
    assert found.outcome.classes == {Class.MISSING: 20}
    assert "store" in found.outcome.crowds[0].sentence and "20" in found.outcome.crowds[0].sentence


def test_one_record_is_explained_by_the_rows_that_count() -> None:
    """A key that has a row of another kind alone is missing there, as the comparison says."""
    found = explain_key(ORDERED, ["3"], table_of(SHOP), table_of(ERP), at=AT, known=Known())
    assert found.difference is not None and found.difference.classed is Class.MISSING
    assert (len(found.left), len(found.right)) == (1, 0)
    assert explain_key(ORDERED, ["1"], table_of(SHOP), table_of(ERP), at=AT).difference is None


def test_a_second_read_takes_the_rows_that_count(tmp_path: Path) -> None:
    """What a second read brings is cut alike: the neighbour that shows a side answers is one of its population."""
    erp = [row for row in ERP if row["kind"] == "credit"] + [row for row in ERP if row["kind"] != "credit"]
    second = Second(lambda: (table_of(SHOP), table_of(erp)), FirstSeen(tmp_path))
    found = reconcile(ORDERED, table_of(SHOP), table_of(erp), at=AT, second=second)
    assert classes(found.outcome) == {"2": "differs", "3": "missing"}


def test_an_incremental_pass_sees_the_same_rows() -> None:
    """A row that enters or leaves the population is a change; and what is valid is swept, for time passes undated."""
    base = _pair(placed=True)
    moments = {"placed": ago(hours=5), "changed": ago(hours=5)}
    left = [{**row, **moments} for row in SHOP]
    right = [{**row, **moments, "kind": "order"} for row in SHOP]
    pair = replace(base, right=replace(base.right, only={"kind": ("order",)}))
    first = compare_incrementally(pair, table_of(left), table_of(right), at=AT, before=None)
    assert first.outcome.found == 0
    right[2] = {**right[2], "kind": "credit", "changed": AT + timedelta(minutes=1)}
    later = AT + timedelta(minutes=5)
    second = compare_incrementally(pair, table_of(left), table_of(right), at=later, before=first.remembered)
    assert (second.done.way, classes(second.outcome)) != (Way.NOTHING, {})
    assert classes(second.outcome) == {"3": "missing"}

    priced = replace(base, right=replace(base.right, valid=(FROM, UNTIL)))
    change = AT + timedelta(minutes=3)
    right = [{**left[0], FROM: None, UNTIL: change}, {**left[0], "value": "new", FROM: change, UNTIL: None}]
    first = compare_incrementally(priced, table_of(left[:1]), table_of(right), at=AT, before=None)
    second = compare_incrementally(priced, table_of(left[:1]), table_of(right), at=later, before=first.remembered)
    assert (first.outcome.found, classes(second.outcome)) == (0, {"1": "differs"})
    assert "begin and cease to be valid" in second.done.why


def _declared(tmp_path: Path, line: str) -> Pair:
    file = tmp_path / "orders.toml"
    text = ORDERS.partition("[[accepted]]")[0].replace('key = ["SalesOrder"]', f'key = ["SalesOrder"]\n{line}')
    file.write_text(text)
    return read_pairs([file], rounding=PROFILE).pairs["orders"]


def test_a_file_declares_them(tmp_path: Path) -> None:
    """One value or a list; and both columns of a validity."""
    line = 'only = { kind = "order", rejected = false, lines = [1, 2], hold = ["", "none"] }\nvalid = ["a", "b"]'
    side = _declared(tmp_path, line).right
    assert side.only == {"kind": ("order",), "rejected": (False,), "lines": (1, 2), "hold": ("", "none")}
    assert (side.valid, side.zone) == (("a", "b"), "UTC")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("only = { kind = [] }", "rows are chosen by a text"),
        ("only = { kind = 1.5 }", "rows are chosen by a text"),
        ("only = { day = 2026-11-23 }", "rows are chosen by a text"),
        ("only = { kind = { is = 'order' } }", "rows are chosen by a text"),
        ("only = 'order'", "that is no table"),
        ('valid = ["a"]', "a validity is two columns"),
        ('valid = ["a", "a"]', "a validity is two columns"),
        ('valid = "a"', "a validity is two columns"),
        ('olny = { kind = "order" }', "unknown key 'olny'"),
        ('query = "DELETE FROM rows"', "one SELECT"),
    ],
)
def test_what_is_no_value_is_refused(tmp_path: Path, line: str, said: str) -> None:
    """The file is refused with the place."""
    with pytest.raises(UsageError, match=said) as caught:
        _declared(tmp_path, line)
    assert "pairs.orders.right" in (caught.value.where or "")


TOGETHER = """
SELECT coalesce(whole, id) AS id, string_agg(value, '' ORDER BY id) AS value -- a comment at the end
FROM rows GROUP BY 1"""


def test_a_query_makes_records_of_the_rows() -> None:
    """Several documents of one order are one record; what does not belong is not in them, and one key is explained."""
    erp = _rows(
        ("1-1", "a", "order", "1"), ("1-2", "b", "order", "1"), ("1-3", "x", "quote", "1"), ("2", "c", "order", None),
        names="id value kind whole",
    )  # fmt: skip
    pair = _pair(right={"only": {"kind": ("order",)}, "query": TOGETHER})
    shop = [{"id": "1", "value": "ab"}, {"id": "2", "value": "c"}, {"id": "3", "value": "d"}]
    outcome = compared(pair, shop, erp)
    assert (classes(outcome), outcome.counts.right) == ({"3": "missing"}, 2)
    found = explain_key(pair, ["1"], table_of(shop), table_of(erp), at=AT)
    assert (found.difference, found.right) == (None, [{"id": "1", "value": "ab"}])
    assert list(compared(pair, shop, []).unread) == ["nothing was read from ERP with kind = order"]
    first = compare_incrementally(pair, table_of(shop), table_of(erp), at=AT, before=None)
    second = compare_incrementally(pair, table_of(shop), table_of(erp), at=AT, before=first.remembered, sweep=True)
    assert [classes(each.outcome) for each in (first, second)] == [{"3": "missing"}] * 2


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("SELECT nothing FROM rows", "nothing"),
        ("SELECT id FROM", "syntax error"),
        ("SELECT 1 AS id; DROP TABLE x", "several statements"),
        ("SELECT 1 AS id); CREATE TABLE x AS (SELECT 1", "syntax error"),
        ("WITH gone AS (SELECT 1) DELETE FROM rows", "no SELECT"),
    ],
)
def test_a_query_that_is_none_is_refused(query: str, seen: str) -> None:
    """It is one SELECT over the rows; anything else is wrong use with the place, and nothing of it is carried out."""
    with pytest.raises(UsageError) as caught:
        compared(_pair(right={"query": query}), SHOP, ERP)
    assert (caught.value.where, seen in (caught.value.seen or "")) == ("pair 'orders', right, query", True)
