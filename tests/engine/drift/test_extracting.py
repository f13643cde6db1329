"""Listings of systems by API as populations: whole though pages shift, resumed where they were, read on by change."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from assay.drift.extracting import ListingRows, watermarks
from assay.errors import InfrastructureError, UsageError
from tests.engine.drift.listing_server import SHOPS, START, Shop, at, client, listed, served, written

DAY = 86_400.0


def shop_of(count: int, window: float, **more: Any) -> Shop:
    """Return a shop with orders placed evenly over a window."""
    shop = Shop(**more)
    for number in range(1, count + 1):
        shop.put(number, round((number - 1) * window / count, 3))
    return shop


def kept(folder: Path) -> dict[str, Any]:
    """Return what an unfinished read keeps; nothing where there is none, or one that is being made."""
    found = list((folder / "landed").rglob("*.unfinished/_extraction.json"))
    return json.loads(found[0].read_text()) if found else {"read": 0}


def goes_on(shop: Shop, cursor: str) -> bool:
    """Whether a shop was asked for nothing but what comes after a cursor, and the overlap before it."""
    return min(shop.asked_since) >= (datetime.fromisoformat(cursor) - START).total_seconds() - 301


def rows_of(rows: ListingRows) -> dict[str, Mapping[str, Any]]:
    """Return what was landed by reference; no reference stands there twice."""
    landed = parquet.read_table(rows.land().folder).to_pylist()
    found = {row["ref"]: row for row in landed}
    assert len(found) == len(landed)
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", ["offset", "cursor"])
def test_nothing_is_lost_while_pages_shift(tmp_path: Path, kind: str, seed: int) -> None:
    """Though after every page an order is deleted, one inserted and three changed, all that stayed are landed once."""
    shop = shop_of(900, 4 * 3600.0, after_answer=written(seed, 4 * 3600.0))
    before = set(shop.orders)
    with served(shop) as url:
        rows = rows_of(listed(url, tmp_path, lambda: at(4 * 3600.0), kind, back="4h"))
    assert {f"id-{number}" for number in before & set(shop.orders)} <= set(rows)
    assert set(rows) <= {f"id-{number}" for number in shop.ever}
    assert len(before - set(shop.orders)) > 15


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_reading_it_at_one_go_loses_orders(tmp_path: Path, seed: int) -> None:
    """The same writes make a plain listing by offset skip orders: the test above tests something."""
    shop = shop_of(900, 4 * 3600.0, after_answer=written(seed, 4 * 3600.0))
    before = set(shop.orders)
    with served(shop) as url:
        plain = SHOPS["offset"](client(url)).orders(START, at(4 * 3600.0))
    assert {f"id-{number}" for number in before & set(shop.orders)} - {each.ref for each in plain}


@pytest.mark.parametrize("seed", range(4))
def test_a_span_of_many_pages_is_read_until_nothing_new_comes(tmp_path: Path, seed: int) -> None:
    """Where a system filters by day alone, no span holds a page; the pages shift, and all that stayed is there."""
    shop = shop_of(400, DAY - 1)
    write, many = written(seed, DAY - 1), [0]

    def sometimes(shop: Shop) -> None:
        many[0] += 1
        if many[0] < 30:
            write(shop)

    shop.after_answer = sometimes
    before = set(shop.orders)
    with served(shop) as url:
        rows = listed(url, tmp_path, lambda: at(DAY), back="1d", least="1d")
        found = rows_of(rows)
        assert {f"id-{number}" for number in before & set(shop.orders)} <= set(found)
        assert rows.land().mark.reads >= 3


def test_a_listing_that_never_rests_is_no_population(tmp_path: Path) -> None:
    """Where every read of a span shows new orders, that is said, and nothing is landed."""
    shop = shop_of(400, DAY - 1)
    shop.after_answer = lambda shop: shop.put(max(shop.ever) + 1, 5.0)
    with served(shop) as url, pytest.raises(InfrastructureError, match="other ones each time"):
        listed(url, tmp_path, lambda: at(DAY), back="1d", least="1d").land()
    assert not watermarks(tmp_path / "landed")


def test_changes_are_followed_up_to_the_present(tmp_path: Path) -> None:
    """By change an order moves away while the list is read; the one read last still shows it as it is by then."""
    window = 4 * 3600.0
    shop = shop_of(600, window)
    with served(shop) as url:
        now = lambda: at(window + 400 + shop.now)  # noqa: E731 (the shop's own clock)
        first = listed(url, tmp_path, now, "changes", back="1d")
        assert len(rows_of(first)) == 600
        for number in range(1, 600, 2):
            shop.change(number, window + 200 + number / 10)
        shop.now = 1000.0
        versions = {number: order[2] for number, order in shop.orders.items()}

        def write(shop: Shop) -> None:
            shop.now += 0.25
            for number in range(1 + shop.answers % 97, 600, 97):
                shop.change(number, window + 400 + shop.now)

        shop.after_answer = write
        second = listed(url, tmp_path, now, "changes", back="1d")
        rows = rows_of(second)
    assert second.land().mark.mode == "changes"
    assert len(rows) == 600
    assert all(rows[f"id-{number}"]["total"] >= 1000 + version for number, version in versions.items())


def test_many_changes_of_one_second_are_all_read(tmp_path: Path) -> None:
    """A migration touched 400 orders in the very second of the read: more than one answer holds, and none is lost."""
    shop = shop_of(600, 4 * 3600.0)
    with served(shop) as url:
        listed(url, tmp_path, lambda: at(4 * 3600.0), "changes", back="1d").land()
        for number in range(1, 401):
            shop.change(number, 5 * 3600.0 + number * 1e-4)
        for number in range(401, 501):
            shop.change(number, 5 * 3600.0 + 20)  # by a clock that goes ahead of ours
        rows = listed(url, tmp_path, lambda: at(5 * 3600.0 + 0.1), "changes", back="1d")
        assert [row["total"] for row in rows_of(rows).values()].count(1002) == 500
        assert len(rows_of(rows)) == 600


def test_what_came_since_is_read_and_the_rest_is_kept(tmp_path: Path) -> None:
    """A second read asks little: orders of the last two days anew, deleted ones gone, older ones as they were."""
    shop, clock = shop_of(2_000, 20 * DAY), [20 * DAY]
    with served(shop) as url:
        first = listed(url, tmp_path, lambda: at(clock[0]), again="2d", census="7d").land()
        asked = shop.answers
        clock[0] += 3600
        shop.put(5_000, clock[0] - 60)
        shop.delete(1_999)
        shop.delete(1)  # long ago: only the next whole read sees it
        shop.change(1_990, clock[0] - 30)
        rows = listed(url, tmp_path, lambda: at(clock[0]), again="2d", census="7d")
        found = rows_of(rows)
        assert (first.mark.mode, rows.land().mark.mode) == ("census", "changes")
        assert (shop.answers - asked) * 4 < asked
        assert {"id-5000", "id-1"} <= set(found) and "id-1999" not in found and len(found) == 2_000
        assert found["id-1990"]["total"] == 1002
        clock[0] += 7 * DAY
        whole = listed(url, tmp_path, lambda: at(clock[0]), again="2d", census="7d")
        assert "id-1" not in rows_of(whole) and whole.land().mark.mode == "census"


def test_the_watermark_says_how_far_a_system_was_read(tmp_path: Path) -> None:
    """Of each listing the last whole read, the youngest change, the rows; a fresh one is not repeated."""
    shop = shop_of(300, DAY)
    with served(shop) as url:
        done = listed(url, tmp_path, lambda: at(DAY + 60)).land()
        asked = shop.answers
        again = listed(url, tmp_path, lambda: at(DAY + 90), fresh="1m").land()
    assert again.again and again.folder == done.folder and shop.answers == asked
    (mark,) = watermarks(tmp_path / "landed")
    assert (mark.system, mark.listing, mark.rows, mark.phase) == ("shop", "orders", 300, "done")
    assert mark.until == at(DAY + 60) and mark.newest == at(299 * DAY / 300)


def test_a_system_that_asks_for_patience_gets_it(tmp_path: Path) -> None:
    """429 with Retry-After is waited for, within the budget, and nothing is lost; beyond it the read stops, kept."""
    shop = shop_of(300, DAY, refuse=lambda number: (429, {"Retry-After": "0"}) if number == 4 else None)
    with served(shop) as url:
        assert len(rows_of(listed(url, tmp_path, lambda: at(DAY)))) == 300
        shop.refuse = lambda number: (429, {"Retry-After": "3600"})
        with pytest.raises(InfrastructureError, match=r"refused|may not be called"):
            listed(url, tmp_path, lambda: at(2 * DAY), wait="1s").land()


def test_a_side_that_answers_half_goes_on_where_it_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that fails in the middle is named with how far it came; the next read asks for the rest alone."""
    monkeypatch.setattr("assay.drift.extracting.rows._PART", 100)
    shop = shop_of(1_000, DAY, refuse=lambda number: (500, {}) if number >= 80 else None)
    with served(shop) as url:
        with pytest.raises(InfrastructureError, match=r"rows up to .* are kept"):
            listed(url, tmp_path, lambda: at(DAY)).land()
        shop.refuse = lambda number: None
        cursor = kept(tmp_path)["cursor"]
        shop.asked_since.clear()
        rows = listed(url, tmp_path, lambda: at(DAY + 60))
        assert len(rows_of(rows)) == 1_000
        assert rows.land().mark.resumed == 1 and rows.land().mark.until == at(DAY)
    assert datetime.fromisoformat(cursor) > START and goes_on(shop, cursor)


def test_what_was_begun_long_ago_is_read_on_to_the_present(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read that was cut off and is gone on with hours later holds what came meanwhile, too."""
    monkeypatch.setattr("assay.drift.extracting.rows._PART", 100)
    shop = shop_of(1_000, DAY, refuse=lambda number: (500, {}) if number >= 50 else None)
    with served(shop) as url:
        with pytest.raises(InfrastructureError):
            listed(url, tmp_path, lambda: at(DAY), behind="1h").land()
        shop.refuse = lambda number: None
        shop.put(2_000, DAY + 3600)
        rows = listed(url, tmp_path, lambda: at(DAY + 3 * 3600), behind="1h")
        assert "id-2000" in rows_of(rows) and len(rows_of(rows)) == 1_001
    assert rows.land().mark.until == at(DAY + 2 * 3600) and rows.land().mark.mode == "changes"


def test_personal_columns_are_left_out_hashed_or_named(tmp_path: Path) -> None:
    """Nothing personal is landed unasked; what is hashed is equal where it was, and nowhere in the files."""
    shop = shop_of(20, DAY)
    with served(shop) as url:
        bare = rows_of(listed(url, tmp_path / "a", lambda: at(DAY)))
        hashed = listed(url, tmp_path / "b", lambda: at(DAY), hashed=["email"])
        emails = {ref: row["email"] for ref, row in rows_of(hashed).items()}
        plain = rows_of(listed(url, tmp_path / "c", lambda: at(DAY), plain=["email"]))
        once_more = listed(url, tmp_path / "d", lambda: at(DAY), hashed=["email"])
        with pytest.raises(UsageError, match="no column 'emial'"):
            listed(url, tmp_path, lambda: at(DAY), hashed=["emial"]).land()
        assert emails == {ref: row["email"] for ref, row in rows_of(once_more).items()}
    assert "email" not in bare["id-1"] and plain["id-1"]["email"] == "1@customers.example"
    assert len(set(emails.values())) == 20 and all(len(each) == 32 for each in emails.values())
    for file in hashed.land().folder.rglob("*"):
        assert b"@customers" not in file.read_bytes()


def test_a_read_of_a_landscape_set_back_in_time_begins_anew(tmp_path: Path) -> None:
    """What was landed in what is now the future hides nothing."""
    shop = shop_of(20, DAY)
    with served(shop) as url:
        listed(url, tmp_path, lambda: at(9 * DAY)).land()
        rows = listed(url, tmp_path, lambda: at(DAY))
        assert len(rows_of(rows)) == 20 and rows.land().mark.mode == "census"
    assert [mark.until for mark in watermarks(tmp_path / "landed")] == [at(DAY)]


def killed_and_resumed(folder: Path, count: int, page: int) -> tuple[dict[str, Mapping[str, Any]], ListingRows]:
    """Kill a process that reads a shop when half was read, read the rest in this one, and return all."""
    window = 20 * DAY
    shop = shop_of(count, window, page=page)
    script = (
        "import sys\nfrom pathlib import Path\nfrom tests.engine.drift.listing_server import at, listed\n"
        f"listed(sys.argv[1], Path(sys.argv[2]), lambda: at({window}), page={page}).land()\n"
    )
    root = Path(__file__).parents[3]
    with served(shop) as url:
        child = subprocess.Popen([sys.executable, "-c", script, url, str(folder)], cwd=root)
        try:
            deadline = time.monotonic() + 120
            while kept(folder)["read"] < count / 3 and child.poll() is None and time.monotonic() < deadline:
                time.sleep(0.005)
        finally:
            child.kill()
            child.wait()
        cursor = kept(folder)["cursor"]
        assert at(3 * DAY) < datetime.fromisoformat(cursor) < at(window)
        shop.asked_since.clear()
        rows = listed(url, folder, lambda: at(window + 60), page=page)
        found = rows_of(rows)
    assert goes_on(shop, cursor)
    return found, rows


def _is_whole(folder: Path, count: int, page: int) -> None:
    found, rows = killed_and_resumed(folder, count, page)
    assert set(found) == {f"id-{number}" for number in range(1, count + 1)}
    mark = rows.land().mark
    assert mark.resumed == 1 and mark.rows == count and mark.until == at(20 * DAY)
    assert not list((folder / "landed").rglob("*.unfinished"))


def test_killed_in_the_middle_it_goes_on(tmp_path: Path) -> None:
    """A process killed while it reads 12,000 orders leaves what it read; the next goes on, none lost, none twice."""
    _is_whole(tmp_path, 12_000, 500)


@pytest.mark.full
def test_killed_in_the_middle_of_200000_orders_it_goes_on(tmp_path: Path) -> None:
    """The same with 200,000 orders."""
    _is_whole(tmp_path, 200_000, 500)
