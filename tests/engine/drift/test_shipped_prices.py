"""The shipped pairs `prices` and `catalogue` on the reference landscape: green while it lives, red with each defect.

One landscape for both. The ERP is changed by its own API, the price list by putting another file in its place.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.local.clock import LandscapeClock
from assay.local.plan import MERCHANT, SIMULATORS, Plan
from assay.local.processes import admin
from assay.roles import Purchase
from assay.runners.session import Session
from tests.conftest import type_assay
from tests.engine.reference_landscape import ROOT, reference_landscape
from tests.mocks.sap_caller import PRODUCT, SapCaller

pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("shipped_prices")]
LIST = Path("mocks") / "merchant" / "prices.csv"
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
Rows = list[tuple[str, datetime | None, datetime | None]]
FLAT: dict[tuple[str, str], Rows] = {
    ("L-020", "EUR"): [("24.90", None, None)],
    ("L-020", "KWD"): [("8.350", None, None)],
    ("L-021", "EUR"): [("64.00", None, None)],
    ("L-021", "KWD"): [("21.450", None, None)],
    ("L-022", "EUR"): [("16.50", None, None)],
}
"""What the shipped list has dates of, without them."""
_SEEN: list[str] = []


@dataclass
class Stage:
    """A landscape that is up, in a project with a price list of its own."""

    plan: Plan
    session: Session
    folder: Path

    @property
    def now(self) -> datetime:
        """The landscape's instant."""
        return LandscapeClock(self.plan.home.clock).read().now

    def compare(self, pair: str, *options: str) -> tuple[int, dict[str, Any]]:
        """Compare a pair; return the exit code and what was printed of it."""
        done = type_assay("drift", "records", pair, "--json", *options, cwd=self.folder)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        (found,) = json.loads(done.stdout)["pairs"]
        return done.returncode, found

    def green(self, *options: str) -> None:
        """Expect both pairs to find nothing."""
        for pair in ("prices", "catalogue"):
            code, found = self.compare(pair, *options)
            assert code == 0 and not found["differences"], found

    def write(self, change: dict[tuple[str, str], Rows]) -> None:
        """Put a price list in place: the shipped one, with other rows for some articles."""
        lines = [line.split(",") for line in (ROOT / LIST).read_text().splitlines()]
        kept = [",".join(line) for line in lines if (line[0], line[1]) not in change]
        for (sku, currency), rows in change.items():
            for price, since, until in rows:
                ends = (each.isoformat() if each else "" for each in (since, until))
                kept.append(",".join((sku, currency, price, *ends)))
        draft = self.folder / "draft.csv"
        draft.write_text("\n".join(kept) + "\n")
        (self.folder / LIST).parent.mkdir(parents=True, exist_ok=True)
        draft.replace(self.folder / LIST)

    def mark(self, sku: str, *, deleted: bool) -> None:
        """Mark a material for deletion in the ERP, or take the mark back."""
        self.patch(f"A_Product('{sku}')", IsMarkedForDeletion=deleted)

    def patch(self, path: str, **changes: Any) -> None:
        """Change master data in the ERP."""
        port = self.plan.home.read().port(SIMULATORS, "sap_s4hana")
        erp = SapCaller(f"http://127.0.0.1:{port}").sign_in(PRODUCT)
        assert erp.patch(path, changes, PRODUCT, None).status == 204
        erp.close()

    def buy(self, sku: str, currency: str = "EUR") -> str:
        """Buy as a customer would."""
        purchase = Purchase(currency=currency, lines=((sku, 1),), email="someone@example.com")
        ref: str = self.session.landscape.by_role("shop").place(purchase)
        return ref

    def pass_time(self, span: timedelta) -> None:
        """Let the landscape's time pass."""
        self.session.pass_time(span)

    def read_anew(self) -> None:
        """Let so much time pass that listings are read again."""
        self.pass_time(timedelta(seconds=90))

    @contextmanager
    def defect(self, name: str) -> Iterator[None]:
        """Switch a defect of the merchant on for a while."""
        port = self.plan.home.read().port(MERCHANT, MERCHANT)
        assert port is not None
        admin(port, "POST", "defects", {"on": [name]})
        try:
            yield
        finally:
            admin(port, "POST", "defects", {"off": [name]})


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The reference landscape in a project of its own."""
    folder = tmp_path_factory.mktemp("shipped")
    with reference_landscape(folder) as (plan, session):
        yield Stage(plan, session, folder)


def only(found: dict[str, Any]) -> dict[str, Any]:
    """Return the one difference that was found."""
    (difference,) = found["differences"]
    seen: dict[str, Any] = difference
    return seen


def note(pair: str, defect: str, found: dict[str, Any]) -> None:
    """Keep what was found for the table that is printed."""
    one = only(found)
    fields = ", ".join(f"{each['field']} {each['left']} / {each['right']}" for each in one.get("fields", ()))
    _SEEN.append(f"| {pair} | {defect} | {one['class']} | {' '.join(one['key'])} | {fields} | {one['cause']} |")


def test_both_are_green_while_the_shop_lives(stage: Stage) -> None:
    """By the shipped list and by one of the project; while customers buy, cancel, and an hour and midnight pass."""
    stage.green()
    stage.write({})
    stage.green()
    refs = [stage.buy("L-020"), stage.buy("0018", "USD"), stage.buy("A-100", "KWD")]
    shop = stage.session.landscape.by_role("shop")
    shop.cancel_order(refs[0], "the customer changed their mind")
    stage.pass_time(HOUR)
    stage.green("--confirm")
    midnight = datetime.combine(stage.now.date() + timedelta(days=1), datetime.min.time(), UTC)
    stage.pass_time(midnight + timedelta(minutes=2) - stage.now)
    stage.buy("L-021", "JPY")
    stage.green()


def test_a_price_is_told_just_before_and_just_after_it_changes(stage: Stage) -> None:
    """A sale that begins and ends, a second before and after each: green, and with its dates ignored red (CAT-01)."""
    clock = LandscapeClock(stage.plan.home.clock)
    clock.freeze()
    try:
        begins, ends = stage.now + HOUR, stage.now + 2 * HOUR
        sale: Rows = [("24.90", None, begins), ("19.90", begins, ends), ("24.90", ends, None)]
        stage.write({**FLAT, ("L-020", "EUR"): sale})
        for moment in (begins - 2 * SECOND, begins + 2 * SECOND, ends - 2 * SECOND):
            stage.pass_time(moment - stage.now)
            stage.green()
        with stage.defect("CAT-01"):
            stage.pass_time(SECOND)
            assert stage.compare("prices")[0] == 0  # the sale is on: it costs what it should
            stage.pass_time(3 * SECOND)
            code, found = stage.compare("prices")
        assert code == 1 and found["classes"] == {"differs": 1}
        field = only(found)["fields"][0]
        assert (only(found)["key"], field["left"], field["right"]) == (["L-020", "EUR"], "24.90", "1990")
        assert field["cause"] == "stale"  # the price of the sale that is over
        note("prices", "CAT-01", found)
        stage.pass_time(2 * SECOND)
        stage.green()
    finally:
        clock.run()


def test_a_deleted_article_that_stays_on_sale_is_told_after_two_cycles(stage: Stage) -> None:
    """Healthy, it is pending until the sync has run, and gone; with CAT-03 it is pending for two cycles, then told."""
    stage.mark("I-904", deleted=True)
    code, found = stage.compare("catalogue", "--confirm")
    assert code == 0 and not found["differences"], found
    stage.pass_time(HOUR + SECOND)
    stage.green("--confirm")
    with stage.defect("CAT-03"):
        stage.mark("I-905", deleted=True)
        stage.read_anew()
        for _ in range(2):
            code, found = stage.compare("catalogue", "--confirm")
            assert code == 0 and not found["differences"], found
            stage.pass_time(HOUR + SECOND)
        code, found = stage.compare("catalogue", "--confirm")
    assert code == 1 and found["classes"] == {"extra": 1} and only(found)["key"] == ["I-905"]
    note("catalogue", "CAT-03", found)
    for sku in ("I-904", "I-905"):
        stage.mark(sku, deleted=False)
    stage.pass_time(HOUR + SECOND)
    stage.green()


@pytest.mark.full
def test_a_new_price_that_is_not_taken_over_is_told(stage: Stage) -> None:
    """CAT-02: the list says another price, the shop asks the old one; both stand side by side."""
    with stage.defect("CAT-02"):
        stage.write({**FLAT, ("L-021", "EUR"): [("64.00", None, stage.now), ("59.00", stage.now, None)]})
        stage.pass_time(timedelta(minutes=1))
        code, found = stage.compare("prices", "--confirm")
        assert code == 0 and not found["differences"], found  # it has its time
        stage.pass_time(timedelta(minutes=5))
        code, found = stage.compare("prices", "--confirm")
    assert code == 1 and found["classes"] == {"differs": 1}
    field = only(found)["fields"][0]
    assert (only(found)["key"], field["field"], field["left"]) == (["L-021", "EUR"], "price", "59.00")
    assert (field["cause"], only(found)["cause"]) == ("stale", "stale")  # it is what the list said before
    note("prices", "CAT-02", found)
    stage.write({**FLAT, ("L-022", "EUR"): [("15.50", None, None)]})
    stage.pass_time(timedelta(minutes=1))
    stage.green()


@pytest.mark.full
def test_a_deleted_article_that_comes_back_is_told(stage: Stage) -> None:
    """CAT-08: gone after the first cycle of the sync, there again after the second, told two cycles later."""
    with stage.defect("CAT-08"):
        stage.mark("I-903", deleted=True)
        stage.pass_time(HOUR + SECOND)
        stage.green("--confirm")
        for _ in range(3):
            stage.pass_time(HOUR + SECOND)
            code, found = stage.compare("catalogue", "--confirm")
    assert code == 1 and found["classes"] == {"extra": 1} and only(found)["key"] == ["I-903"]
    note("catalogue", "CAT-08", found)
    stage.mark("I-903", deleted=False)
    stage.pass_time(HOUR + SECOND)
    stage.green()


@pytest.mark.full
def test_numbers_that_are_not_in_their_one_form_are_told_in_a_sentence(stage: Stage) -> None:
    """CAT-05: the shop states trade item numbers as they are written; all that are shorter differ by leading zeros."""
    with stage.defect("CAT-05"):
        stage.read_anew()
        code, found = stage.compare("catalogue")
    assert code == 1 and set(found["fields"]) == {"gtin_stated"}
    assert {each["cause"] for each in found["differences"]} == {"leading zeros"}
    _SEEN.append(
        f"| catalogue | CAT-05 | differs | {len(found['differences'])} articles | gtin_stated | leading zeros |"
    )
    stage.read_anew()
    stage.green()


@pytest.mark.full
def test_a_new_name_and_a_new_weight_in_the_erp(stage: Stage) -> None:
    """A name arrives with the next sync; a weight that the shop never takes over stays different."""
    stage.patch("A_ProductDescription(Product='B-201',Language='EN')", ProductDescription="抹茶 Starter")
    stage.pass_time(HOUR + SECOND)
    stage.green()
    stage.patch("A_Product('B-201')", GrossWeight="0.9")
    stage.read_anew()
    code, found = stage.compare("catalogue")
    assert code == 1 and [each["field"] for each in only(found)["fields"]] == ["weight"]
    stage.patch("A_Product('B-201')", GrossWeight="0.76")
    stage.read_anew()
    stage.green()


@pytest.mark.full
def test_every_defect_of_both_pairs_was_told() -> None:
    """Each with its class, key, field, both values and cause: ``-s`` shows the table."""
    table = ["", "| pair | defect | class | key | field | cause |", "|---|---|---|---|---|---|", *_SEEN, ""]
    sys.stdout.write("\n".join(table))
    assert [row.split(" | ")[1] for row in _SEEN] == ["CAT-01", "CAT-03", "CAT-02", "CAT-08", "CAT-05"]
