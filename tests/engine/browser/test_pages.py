"""What a page driver says when a page is not what it expects, and what it never shows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from assay.browser import Browser, PageFailure, Visit, find_chromium, read_amount, read_instant
from assay.errors import AssayError, InfrastructureError, UsageError
from assay.money import Money
from tests.engine.browser.chromium import require_chromium
from tests.serving import Quiet, serving

pytestmark = pytest.mark.xdist_group("browser")
CARD = "4242424242424242"
PAGES = {
    "/": f"""<title>Checkout</title><h1>Pay</h1><input id="card" style="width:300px;height:60px">
        <button disabled id="off">Off</button><button class="two">1</button><button class="two">2</button>
        <p id="echo">Your card {CARD[:4]} {CARD[4:8]} {CARD[8:12]} {CARD[12:]} was taken</p><p id="price">€ 1.234,50</p>
        <time id="at" datetime="2026-03-02T10:00:00+01:00">today</time><a id="on" href="/next?token=s3cret">Next</a>
        <select id="ship"><option value="std">Standard</option><option value="exp">Express</option></select>
        <input type="checkbox" id="terms"><iframe id="hosted" src="/frame"></iframe>""",
    "/next": "<title>Next</title><h1>There</h1>",
    "/frame": '<input id="number"><p id="inside">inside</p>',
}


class _Server(Quiet):
    def do_GET(self) -> None:
        """Answer with one of the pages, or 500 with words of its own."""
        body = PAGES.get(self.path.partition("?")[0])
        content = f"<!DOCTYPE html><meta charset='utf-8'>{body or '<h1>The database is away</h1>'}".encode()
        self.send_response(200 if body else 500)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A small site on this machine."""
    with serving(_Server) as url:
        yield url


@pytest.fixture(scope="module")
def screens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go."""
    return tmp_path_factory.mktemp("pictures") / "screens"


@pytest.fixture(scope="module")
def browser(address: str, screens: Path) -> Iterator[Browser]:
    """A browser that waits for a second only."""
    require_chromium()
    opened = Browser(address, patience_s=1.0, screens=screens)
    yield opened
    opened.close()


def fails(browser: Browser, act: Callable[[Visit], object]) -> AssayError:
    """Open the first page, act, and return the error."""

    def work(page: Visit) -> None:
        page.open("/")
        page.fill("#card", CARD)
        act(page)

    with pytest.raises(AssayError) as caught:
        browser.visit(work)
    return caught.value


@pytest.mark.parametrize(
    ("act", "message", "seen"),
    [
        (lambda page: page.text("#total"), "nothing on the page matches '#total'", "none; the page says: Pay"),
        (lambda page: page.press(".two"), "more than one thing on the page matches '.two'", "2 of them"),
        (lambda page: page.press("#off"), "'#off' could not be used", "it is not enabled"),
        (lambda page: page.text("p["), "'p[' is no selector", ""),
        (lambda page: page.attribute("#echo", "data-id"), "'#echo' has no attribute 'data-id'", ""),
        (lambda page: page.amount("#price", "JPY", decimal=","), "'#price': JPY has 0 decimals", ""),
        (lambda page: page.instant("#at"), "'#at': that is no instant", "today"),
        (lambda page: page.open("/gone"), "the page /gone is refused", "500; the page says: The database is away"),
    ],
)
def test_an_error_names_page_selector_and_picture(
    browser: Browser, address: str, act: Callable[[Visit], object], message: str, seen: str
) -> None:
    """Whatever is not there says which page (address and title), which selector, what was seen, and a picture."""
    error = fails(browser, act)
    assert isinstance(error, PageFailure)
    assert error.exit_code == 1
    assert error.message.startswith(message)
    assert seen in (error.seen or "")
    assert (error.where or "").startswith(address)
    assert "(title '" in (error.where or "")
    assert "picture: " in (error.hint or "")
    assert CARD not in str(error)


def test_a_picture_shows_no_card_number(browser: Browser) -> None:
    """Fields are covered whole, frames too, and digits that could be a card's are starred in the page's own text."""
    error = fails(browser, lambda page: page.text("#total"))
    picture = Path((error.hint or "").partition("picture: ")[2])
    with Image.open(picture) as image:
        covered = image.convert("RGB").getcolors(1 << 24) or []
    pink = sum(count for count, colour in covered if colour == (255, 0, 255))
    # The card's field is 300 by 60, the frame 300 by 150.
    assert pink > 300 * 60 + 300 * 150

    def redacted(page: Visit) -> str:
        from assay.browser.failure import picture_of

        page.open("/")
        picture_of(page._page, picture.parent)
        return page.text("#echo")

    assert browser.visit(redacted) == "Your card 424242******4242 was taken"


def test_what_can_be_done_on_a_page(browser: Browser) -> None:
    """Fields, lists, boxes, frames and links work; amounts and instants are read exactly."""

    def work(page: Visit) -> None:
        page.open("/")
        assert page.amount("#price", "EUR", decimal=",") == Money(123450, "EUR")
        assert page.instant("#at", "datetime").isoformat() == "2026-03-02T09:00:00+00:00"
        page.choose("#ship", "Express")
        page.tick("#terms")
        frame = page.inside("#hosted")
        frame.fill("#number", CARD)
        assert frame.text("#inside") == "inside"
        assert page.texts(".two") == ["1", "2"]
        page.press("#on")
        assert (page.text("h1"), page.path) == ("There", "/next?token=s3cret")

    browser.visit(work)


def test_an_address_in_an_error_is_masked(browser: Browser) -> None:
    """A secret in a page's address is not told."""

    def work(page: Visit) -> None:
        page.open("/next?token=s3cret")
        page.text("#total")

    with pytest.raises(PageFailure) as caught:
        browser.visit(work)
    assert "s3cret" not in str(caught.value)


def test_a_shop_that_is_away_is_infrastructure(screens: Path) -> None:
    """Nothing listening is exit 3 with the address."""
    require_chromium()
    browser = Browser("http://127.0.0.1:9", patience_s=1.0, screens=screens)
    with pytest.raises(InfrastructureError, match="could not be opened"):
        browser.visit(lambda page: page.open("/"))
    browser.close()


def test_a_machine_without_a_browser_says_which_command_installs_one(
    monkeypatch: pytest.MonkeyPatch, screens: Path
) -> None:
    """No Chromium is exit 3 with the apt command; a wrong path in the variable is exit 2."""
    monkeypatch.delenv("ASSAY_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", "")
    if sys.platform == "linux":
        with pytest.raises(InfrastructureError, match="apt-get install -y chromium"):
            Browser("http://127.0.0.1:9", screens=screens).visit(lambda page: page.open("/"))
    monkeypatch.setenv("ASSAY_CHROMIUM", "/nowhere/chromium")
    with pytest.raises(UsageError, match="ASSAY_CHROMIUM"):
        find_chromium()


def test_without_playwright_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, screens: Path) -> None:
    """The extra that is missing is named."""
    require_chromium()
    for name in [name for name in sys.modules if name.startswith("playwright")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "playwright", None)
    with pytest.raises(UsageError, match=r"pip install 'assay\[browser\]'"):
        Browser("http://127.0.0.1:9", screens=screens).visit(lambda page: page.open("/"))


@pytest.mark.parametrize(
    ("text", "currency", "decimal", "minor"),
    [
        ("€ 1.234,50", "EUR", ",", 123450),
        ("1,234.50 EUR", "EUR", ".", 123450),
        ("2 331 ¥", "JPY", ".", 2331),
        ("CHF 1’234.05", "CHF", ".", 123405),
        ("12.", "EUR", ".", 1200),
        ("−3,00 €", "EUR", ",", -300),
        ("KWD 5.124", "KWD", ".", 5124),
        ("1\u202f234,50\u00a0€", "EUR", ",", 123450),
    ],
)
def test_an_amount_is_read_exactly(text: str, currency: str, decimal: str, minor: int) -> None:
    """Groups and decimals are told apart by the declared mark, never guessed."""
    assert read_amount(text, currency, decimal=decimal) == Money(minor, currency)


@pytest.mark.parametrize("text", ["", "free", "3 for 10.00", "1.2.3", "10.005"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    """No amount, several, two marks or too many decimals: nothing is rounded or guessed."""
    with pytest.raises(UsageError):
        read_amount(text, "EUR")


def test_an_instant_without_a_zone_is_refused() -> None:
    """A page's local time could be any zone's."""
    with pytest.raises(UsageError, match="without a zone"):
        read_instant("2026-03-02T09:00:00")
