"""The merchant's catalogue as its ERP has it, and prices with dates; each defect of both shows its symptom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mocks.merchant.storefront.catalogue import Catalogue
from mocks.merchant.storefront.price_list import SOURCE, read_prices
from tests.mocks.merchant_rig import ROOT, Rig, serving
from tests.mocks.sap_caller import PRODUCT, SapCaller

HEAD = "sku,currency,price,valid_from,valid_until\n"
CYCLE = timedelta(hours=1)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose price list the merchant reads."""
    folder = tmp_path_factory.mktemp("project")
    (folder / SOURCE).parent.mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Iterator[Rig]:
    """One merchant for this file's tests, with the shipped list in its project."""
    write(project, (ROOT / SOURCE).read_text().removeprefix(HEAD))
    folder = tmp_path_factory.mktemp("catalogue")
    with serving(folder, ("sap_s4hana", "ecb", "stripe"), suite_roots=[str(project), str(ROOT)]) as running:
        yield running


def write(project: Path, rows: str) -> None:
    """Put a price list in the place of the last one, at once."""
    draft = project / "draft.csv"
    draft.write_text(HEAD + rows)
    draft.replace(project / SOURCE)


def change(rig: Rig, sku: str, entity: str = "A_Product", **changes: Any) -> None:
    """Change a material in the ERP."""
    with_language = f"A_ProductDescription(Product='{sku}',Language='EN')"
    erp = SapCaller(rig.vendor["sap_s4hana"]).sign_in(PRODUCT)
    key = f"A_Product('{sku}')" if entity == "A_Product" else with_language
    assert erp.patch(key, changes, PRODUCT, None).status == 204
    erp.close()


def cycle(rig: Rig, times: int = 1) -> None:
    """Let the catalogue be synced so many times."""
    for _ in range(times):
        rig.advance(seconds=CYCLE.total_seconds() + 1)


def listed(rig: Rig) -> dict[str, dict[str, Any]]:
    """Return what is on sale, by SKU."""
    products = rig.ok("GET", "/api/products?page_size=100")
    assert products["total"] == len(products["products"])
    return {each["sku"]: each for each in products["products"]}


def price(rig: Rig, sku: str, currency: str = "EUR") -> Decimal:
    """Return the price on an article's page."""
    return Decimal(rig.ok("GET", f"/api/products/{sku}?currency={currency}")["price"]["amount"])


def test_the_shipped_list_says_what_the_catalogue_says(rig: Rig) -> None:
    """Every product has a price in euros and dinars at every instant, and one without dates is the catalogue's."""
    rows, products = read_prices(ROOT / SOURCE), Catalogue.load().products
    assert set(rows) == {(sku, currency) for sku in products for currency in ("EUR", "KWD")}
    for (sku, currency), spans in rows.items():
        assert spans[0].since is None and spans[-1].until is None
        assert all(one.until == other.since for one, other in pairwise(spans))
        base = products[sku].price if currency == "EUR" else products[sku].prices[currency]
        assert base in {span.price for span in spans}


def test_what_the_erp_marks_is_sold_no_more(rig: Rig) -> None:
    """Not listed, not found, not taken into a cart or a checkout, nor a set of it; unmarked, it is back."""
    cart = rig.cart(lines=(("0017", 1), ("D-403", 1)))
    change(rig, "D-403", IsMarkedForDeletion=True)
    assert "D-403" in listed(rig)
    cycle(rig, 2)
    assert not {"D-403", "SET-01"} & set(listed(rig)) and len(listed(rig)) == 61
    assert rig.call("GET", "/api/products/D-403")[0] == 404
    status, refused = rig.call("POST", f"/api/carts/{rig.cart()}/lines", {"sku": "SET-01", "quantity": 1})
    assert (status, refused["error"]["code"]) == (422, "off_sale")
    status, refused = rig.checkout(cart)
    assert (status, refused["error"]["code"]) == (422, "off_sale")
    change(rig, "D-403", IsMarkedForDeletion=False)
    cycle(rig)
    assert {"D-403", "SET-01"} <= set(listed(rig)) and rig.checkout(cart)[0] == 201


def test_a_new_name_in_the_erp_is_taken_over(rig: Rig) -> None:
    """It stands on the page, kept ones too, and on the cart; the old one comes back the same way."""
    before = rig.ok("GET", "/api/products/B-200")["name"]
    change(rig, "B-200", "A_ProductDescription", ProductDescription="煎茶 Sencha <100 g>")
    cycle(rig)
    assert rig.ok("GET", "/api/products/B-200")["name"] == "煎茶 Sencha <100 g>" == listed(rig)["B-200"]["name"]
    cart = rig.cart(lines=(("B-200", 1),))
    assert rig.ok("GET", f"/api/carts/{cart}")["lines"][0]["name"] == "煎茶 Sencha <100 g>"
    change(rig, "B-200", "A_ProductDescription", ProductDescription=before)
    cycle(rig)
    assert rig.ok("GET", "/api/products/B-200")["name"] == before


def test_an_erp_that_is_away_takes_nothing_off(rig: Rig) -> None:
    """Without an answer the catalogue stays as it was, and the log says so."""
    settings = f"{rig.vendor['sap_s4hana']}/__admin/settings"
    rig.client.post(settings, json={"users": {"NOBODY": "x"}}).raise_for_status()
    cycle(rig)
    rig.client.post(settings, json={"users": {"ASSAY": "secret-assay"}}).raise_for_status()
    assert len(listed(rig)) == 63 and "catalogue_sync_failed" in rig.log()


def test_a_price_begins_and_ends_to_the_second(rig: Rig, project: Path) -> None:
    """From included, until excluded, on pages that were kept, too; without a row that is valid, the catalogue's."""
    begins = rig.now + timedelta(hours=1)
    write(project, f"L-020,EUR,19.90,{begins.isoformat()},{(begins + CYCLE).isoformat()}\n")
    rig.settle()
    seen = [price(rig, "L-020")]
    for seconds in (3599, 1, 3599, 1):
        rig.advance(seconds=seconds)
        seen.append(price(rig, "L-020"))
    assert seen == [Decimal(each) for each in ("24.90", "24.90", "19.90", "19.90", "24.90")]


def test_a_sale_in_the_base_currency_is_one_in_converted_ones(rig: Rig, project: Path) -> None:
    """What is priced by hand keeps its own price; a price of its own in the list goes before."""
    dollars, dinars = price(rig, "L-020", "USD"), price(rig, "L-020", "KWD")
    write(project, "L-020,EUR,15.00,,\n")
    rig.settle()
    assert price(rig, "L-020") == Decimal("15.00")
    assert abs(price(rig, "L-020", "USD") * Decimal("1.66") - dollars) <= Decimal("0.02")
    assert price(rig, "L-020", "KWD") == dinars
    write(project, "L-020,EUR,15.00,,\nL-020,KWD,4.150,,\n")
    rig.settle()
    assert price(rig, "L-020", "KWD") == Decimal("4.150")


@pytest.mark.parametrize("rows", ["L-020,EUR,19,90,,\n", "L-020,EUR,x,,\n", "L-020,EUR,1.00,yesterday,\n"])
def test_a_list_that_cannot_be_read_changes_nothing(rig: Rig, project: Path, rows: str) -> None:
    """The known prices stay, the log names the line, and the next good list is taken over."""
    write(project, "L-020,EUR,18.00,,\n")
    rig.settle()
    write(project, "L-021,EUR,60.00,,\n" + rows)
    rig.settle()
    assert price(rig, "L-020") == Decimal("18.00") and price(rig, "L-021") == Decimal("64.00")
    assert "prices_failed" in rig.log() and "line 3" in rig.log()
    write(project, "L-020,EUR,17.00,,\n")
    rig.settle()
    assert price(rig, "L-020") == Decimal("17.00")


def scheduled(rig: Rig, project: Path) -> bool:
    """Whether a price of tomorrow is asked for today."""
    write(project, f"L-020,EUR,24.90,,\nL-020,EUR,19.90,{(rig.now + timedelta(days=1)).isoformat()},\n")
    rig.settle()
    return price(rig, "L-020") == Decimal("19.90")


def not_taken_over(rig: Rig, project: Path) -> bool:
    """Whether a change of a price alone is not seen."""
    for rows in ("L-020,EUR,24.90,,\n", "L-021,EUR,64.00,,\n", "L-021,EUR,59.00,,\n"):
        write(project, rows)
        rig.settle()
    return price(rig, "L-021") == Decimal("64.00")


def marked(rig: Rig, project: Path, cycles: int = 1) -> bool:
    """Whether what was marked is listed after so many cycles of the sync."""
    change(rig, "I-905", IsMarkedForDeletion=True)
    cycle(rig, cycles)
    found = "I-905" in listed(rig)
    change(rig, "I-905", IsMarkedForDeletion=False)
    cycle(rig, 2)
    return found


def comes_back(rig: Rig, project: Path) -> bool:
    """Whether what was marked is gone after a cycle, and there after two."""
    return not marked(rig, project) and marked(rig, project, 2)


@pytest.mark.parametrize(
    ("name", "symptom"),
    [("CAT-01", scheduled), ("CAT-02", not_taken_over), ("CAT-03", marked), ("CAT-08", comes_back)],
)
def test_a_defect_shows_its_symptom(rig: Rig, project: Path, name: str, symptom: Callable[[Rig, Path], bool]) -> None:
    """The healthy merchant does not show it; with the defect on it does."""
    assert not symptom(rig, project), f"{name}: the healthy merchant shows the symptom"
    rig.defects(name)
    try:
        assert symptom(rig, project), f"{name}: the symptom does not show"
    finally:
        rig.defects(off=[name])
