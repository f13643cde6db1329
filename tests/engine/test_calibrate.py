"""`assay calibrate rounding` against differently configured merchants: it finds each policy, or says why it cannot."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from assay.local.plan import MERCHANT, Plan
from assay.local.processes import admin
from assay.local.project import plan_for
from assay.local.up import bring_up, take_down
from tests.conftest import Project
from tests.engine.corner_shop import PROFILE, opened, write_project

ROOT = Path(__file__).resolve().parents[2]
USUAL = {"tax_included": True, "rounding_level": "line", "rounding_mode": "half_up"}
MERCHANTS = [
    (True, "line", "half_up"),
    (True, "unit", "half_even"),
    (True, "total", "down"),
    (False, "line", "half_even"),
    (False, "rate", "half_up"),
    (False, "unit", "down"),
]
CONNECTOR = '''\
"""The reference shop, read by somebody else."""
from dataclasses import replace
from assay.connectors.merchant import HEAD, Merchant as Shown
from assay.money import Money

class Merchant(Shown):
    def deliver_to(self, cart, purchase):
        shown = super().deliver_to(cart, purchase)
        return replace(shown, {change})
'''
pytestmark = [pytest.mark.needs_java, pytest.mark.xdist_group("calibrate")]


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    """A landscape that is up."""
    folder = tmp_path_factory.mktemp("calibrate")
    (folder / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    plan = plan_for("local", folder / "assay.toml")
    bring_up(plan, lambda _: None)
    yield plan
    take_down(plan.home, lambda _: None)


@pytest.fixture
def project(plan: Plan) -> Iterator[Project]:
    """The folder of that landscape; the shop rounds as usual, and the profile is as it was, afterwards."""
    found = Project(plan.profile.folder)
    before = found.profile.read_text()
    yield found
    found.profile.write_text(before)
    _set(plan, **USUAL)


def _set(plan: Plan, **settings: Any) -> None:
    port = plan.home.read().processes[MERCHANT].ports["merchant"]
    admin(port, "POST", "settings", settings)


def _calibrated(project: Project, *more: str) -> dict[str, Any]:
    done = project.type("calibrate", "rounding", "--json", *more)
    told: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == told["exit_code"], done.stderr
    return told


@pytest.mark.parametrize(
    "merchant", [MERCHANTS[0], *(pytest.param(each, marks=pytest.mark.full) for each in MERCHANTS[1:])], ids=str
)
def test_each_merchants_policy_is_found(plan: Plan, project: Project, merchant: tuple[bool, str, str]) -> None:
    """Whichever of the policies the shop has, it is the only one left after a few baskets, and nothing is bought."""
    tax_included, level, mode = merchant
    _set(plan, tax_included=tax_included, rounding_level=level, rounding_mode=mode)
    told = _calibrated(project)
    assert told["policy"] == {"tax_included": tax_included, "level": level, "mode": mode}, told
    assert (told["level_left"], told["mode_left"], told["cannot_be_told_apart"]) == ([level], [mode], {})
    assert told["bought"] == 0
    assert 1 <= told["quoted"] <= 4


def test_what_cannot_be_told_apart_at_20_per_cent_is_said(plan: Plan, project: Project) -> None:
    """With 20 % on top of prices alone, half up and half even stay, and so do three levels: it says why."""
    _set(plan, tax_included=False, rounding_level="total", rounding_mode="half_even")
    done = project.type("calibrate", "rounding", "--sku", "F-603", "--sku", "G-702", "--sku", "0017")
    assert done.returncode == 0, done.stderr
    assert "mode         half_even or half_up\n" in done.stdout
    assert "level        line or rate or total\n" in done.stdout
    assert "half up or half even: 20 % of prices without tax in whole steps never ends on half a step" in done.stdout
    assert "apart: per line, rate or total: every basket tried comes to the same figures" in done.stdout
    assert "only quoted, 0 bought" in done.stdout


@contextmanager
def _connector(project: Project, change: str) -> Iterator[None]:
    """Have the shop read by a connector of the project's own, which changes what a cart says."""
    own = project.path / "connectors"
    own.mkdir()
    (own / "merchant.py").write_text(CONNECTOR.replace("{change}", change))
    try:
        yield
    finally:
        shutil.rmtree(own)


@pytest.mark.full
def test_an_order_tells_what_a_cart_does_not(plan: Plan, project: Project) -> None:
    """Where a cart shows no tax the baskets that need it are bought, and named with their orders."""
    with _connector(project, "tax=None"):
        done = project.assay("calibrate", "rounding")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "basket 1, only quoted: 1 x 0017 at 9.50 (20 %)" in done.stdout
    assert "basket 2, bought as ord_" in done.stdout
    assert "the shop: prices with tax, rounded per line, half up" in done.stdout


def test_a_shop_with_a_rule_of_its_own_is_shown(plan: Plan, project: Project) -> None:
    """Where no policy explains what was seen it is exit 1, with the baskets, and nothing is written."""
    before = project.profile.read_text()
    with _connector(project, "tax=Money(shown.tax.minor + 1, shown.tax.currency)"):
        done = project.assay("calibrate", "rounding", "--write")
    assert (done.returncode, project.profile.read_text()) == (1, before), done.stdout + done.stderr
    assert "0 ways of rounding explain it" in done.stdout
    assert "no way of rounding that is known explains all of them" in done.stdout


def test_the_policy_is_written_and_nothing_is_lost(plan: Plan, project: Project) -> None:
    """With --write the profile declares what was found; its comments and cash steps stay; it says so."""
    _set(plan, tax_included=True, rounding_level="rate", rounding_mode="half_even")
    before = project.profile.read_text()
    done = project.type("calibrate", "rounding", "--write")
    assert done.returncode == 0, done.stderr
    assert f"[policies.rounding] written to {project.profile}" in done.stdout
    assert "assay.toml declares another: prices with tax, rounded per line, half up" in done.stdout
    after = before.replace('level = "line"\nmode = "half_up"', 'level = "rate"\nmode = "half_even"')
    assert project.profile.read_text() == after != before
    assert "already stands so in" in project.type("calibrate", "rounding", "--write").stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--sku", "0017X"), 2, "did you mean '0017'?"),
        (("--like", "F01[eurr]"), 2, "eur"),
        (("--env", "nowhere"), 2, "no environment 'nowhere'"),
        (("--env", "shop_live"), 4, "'shop_live' is production: baskets are not calibrated there"),
        (("--env", "gone"), 3, "merchant"),
    ],
)
def test_misuse_and_danger_are_refused(project: Project, words: tuple[str, ...], code: int, said: str) -> None:
    """A wrong word is exit 2 with the nearest one, production 4, and a shop that does not answer 3."""
    project.profile.write_text(
        project.profile.read_text()
        + """
[environments.shop_live]
production = true
view = "witness"
[environments.shop_live.systems]
merchant = { mode = "live", base_url = "http://127.0.0.1:9" }
[environments.gone]
view = "witness"
[environments.gone.systems]
merchant = { mode = "live", base_url = "http://127.0.0.1:9" }
"""
    )
    done = project.type("calibrate", "rounding", *words, env={"SHOP_OPERATOR_TOKEN": "operator-test-token"})
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stderr


def test_a_shop_without_carts_is_told_what_it_lacks(tmp_path: Path) -> None:
    """A connector that only places orders cannot be calibrated: exit 2 names the verbs."""
    with opened() as shop:
        write_project(tmp_path, PROFILE.format(shop=shop.url, more=""))
        done = Project(tmp_path).assay("calibrate", "rounding", "--env", "own", env={"SHOP_TOKEN": "secret-token"})
    assert done.returncode == 2
    assert "the verbs of assay.roles.Storefront" in done.stderr
