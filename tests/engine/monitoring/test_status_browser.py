"""The status page in a real browser, as the person on call uses it: light and dark, wide and on a telephone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from assay.events import Probe, ProbeResult
from assay.reporting.status.app import status_app
from assay.reporting.status.auth import Guard
from assay.store import open_store
from tests.engine.browser.chromium import running_chromium
from tests.engine.monitoring.status_data import ENVIRONMENT, MINUTE, NOW, Source, serving, week
from tests.engine.monitoring.test_status_pages import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TOKEN = "correct horse battery staple"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """A week."""
    folder = tmp_path_factory.mktemp("browser")
    store = open_store(folder / "store.sqlite")
    yield week(store, folder, days=2)
    store.close()


@pytest.fixture(scope="module")
def base(source: Source) -> Iterator[str]:
    """Its address."""
    with serving(status_app(source, Guard())) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with running_chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window whose console stays empty."""
    context = browser.new_context()
    opened = context.new_page()
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    yield opened
    context.close()
    assert said == []


def test_a_finding_is_read_silenced_and_heard_again(page: Page, base: str) -> None:
    """From the overview to the finding, silenced by the form, seen silenced, and the silence ended."""
    page.goto(base)
    assert page.locator("h1").inner_text() == "✗ 1 of 9 monitors needs a look"
    page.get_by_role("link", name="order_foreign").click()
    card = page.locator("article.card").first
    assert "expected 8000 JPY captured, as the customer was shown, seen 800000 JPY captured" in card.inner_text()
    card.get_by_text("Journal lines that prove it").click()
    assert card.get_by_text("amount=800000").is_visible()
    page.get_by_label("Reason").fill("payment team mends it")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("For", exact=True).select_option("2 hours")
    page.get_by_role("button", name="Silence").click()
    assert "Silenced until 2026-03-12 16:23:20 UTC (in 2 h) by Ada: payment team mends it" in page.inner_text("main")
    page.get_by_role("link", name="Overview").first.click()
    row = page.get_by_role("row").filter(has_text="order_foreign")
    assert "silenced until 2026-03-12 16:23 UTC" in row.inner_text()
    page.get_by_role("link", name="Silences").click()
    page.get_by_role("button", name=re.compile("End it: silence .* of order_foreign")).click()
    assert "Nobody is silenced." in page.inner_text("main")
    page.goto(base)
    assert "silenced" not in page.inner_text("main")


def test_everything_is_read_and_changed_without_a_script(browser: Browser, base: str, source: Source) -> None:
    """With scripts off the same form silences a monitor, and the same button ends it."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{base}/monitors/stock_drift")
    page.get_by_label("Reason").fill("the move")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Silence").click()
    assert "by Ada: the move" in page.inner_text("main")
    page.get_by_role("button", name=re.compile("End it")).click()
    assert source.store.alerts.silences(ENVIRONMENT, NOW) == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_no_page_is_wider_than_its_window_or_hard_to_read(browser: Browser, base: str, width: int, scheme: str) -> None:
    """Nothing overflows, text stands out from its ground, and what is touched is large enough."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    for path in PAGES:
        page.goto(base + path)
        assert page.evaluate("document.documentElement.scrollWidth") == width, path
        assert page.evaluate(WIDE) == [], path
        assert page.evaluate(FAINT) == [], path
        assert page.evaluate(SMALL) == [], path
    context.close()


WIDE = """() => [...document.querySelectorAll('body *')].filter((each) => !each.closest('.scroll, .skip, .hidden, svg')
  && each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.tagName + '.' + each.className)"""
SMALL = """() => [...document.querySelectorAll('button, input:not([type=hidden]), select')]
  .filter((each) => each.offsetParent && each.getBoundingClientRect().height < 24).map((each) => each.outerHTML)"""
CUT = """() => [...document.querySelectorAll('svg.plot')].filter(each => each.checkVisibility()).flatMap(plot => {
  const frame = plot.getBoundingClientRect();
  return [...plot.querySelectorAll('text')].filter(each => {
    const box = each.getBoundingClientRect();
    return box.left < frame.left || box.right > frame.right || box.bottom > frame.bottom + 1;
  }).map(each => each.textContent);
})"""
FAINT = r"""() => {
  const numbers = (text) => (text.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((each) => each / 255)
    .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, place) => sum + each * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const [r, g, b, a = 1] = numbers(getComputedStyle(each).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('body *')].filter((each) => each.checkVisibility()
    && !each.closest('svg, .hidden, .skip, option')
    && [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim())).map((each) => {
      const [one, other] = [light(numbers(getComputedStyle(each).color)), light(ground(each))];
      return [(Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05), each.textContent.trim().slice(0, 40)];
    }).filter(([ratio]) => ratio < 4.5);
}"""


def test_the_keyboard_reaches_everything_in_order(page: Page, base: str) -> None:
    """The first key press leads to the skip link, focus is seen on every stop, and the way through ends."""
    page.goto(f"{base}/monitors/order_foreign")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    stops: list[str] = []
    for _ in range(80):
        page.keyboard.press("Tab")
        where = page.evaluate("document.activeElement.outerHTML.slice(0, 90)")
        if where.startswith("<body"):
            break
        assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2, where
        stops.append(where)
    else:
        raise AssertionError("the way through the page does not end")
    assert any("reason" in stop for stop in stops) and any("live-switch" in stop for stop in stops)


def test_an_open_page_follows_what_happens(page: Page, base: str, source: Source) -> None:
    """A run that is heard shows by itself, what is unfolded stays, nothing moves while it is paused or filled in."""
    page.clock.install()
    page.goto(f"{base}/monitors/storefront")
    page.get_by_text("The same as a table").click()
    heard(source, "storefront", 1)
    page.clock.run_for(6_000)
    page.get_by_text("two storefronts 1").first.wait_for()
    assert page.locator("details[open]").count() >= 1
    page.get_by_label("Reason").fill("half a sen")
    heard(source, "storefront", 2)
    page.clock.run_for(12_000)
    assert page.get_by_label("Reason").input_value() == "half a sen"
    assert page.get_by_text("two storefronts 2").count() == 0
    page.get_by_label("Reason").fill("")
    page.get_by_role("button", name="Pause updates").click()
    page.clock.run_for(12_000)
    assert page.get_by_text("two storefronts 2").count() == 0
    page.get_by_role("button", name="Go on updating").click()
    page.get_by_text("two storefronts 2").first.wait_for()


def heard(source: Source, name: str, number: int) -> None:
    """Let a run be heard and kept."""
    probe = Probe(
        id=f"live-{number}", monitor=name, subject="web", environment=ENVIRONMENT, location="paris",
        result=ProbeResult.ERROR, due_at=NOW + timedelta(seconds=number) - MINUTE / 60, started_at=NOW, seconds=0.5,
        trouble=(f"two storefronts {number}",),
    )  # fmt: skip
    source.store.probes.keep([probe])
    source.recent(probe)


def test_signing_in_with_a_token(page: Page, source: Source) -> None:
    """Whoever knows the token comes where they wanted to go."""
    with serving(status_app(replace(source), Guard(token=TOKEN))) as base:
        page.goto(f"{base}/ledger")
        assert page.url == f"{base}/login?next=/ledger"
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        assert page.url == f"{base}/ledger" and "Leaked (1)" in page.inner_text("main")
        page.get_by_role("button", name="Sign out").click()
        assert "Sign in" in page.inner_text("main")
