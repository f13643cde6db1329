"""One visit to the shop: a window of its own, and the few verbs a connector needs, each with a patient wait.

Every verb waits until what it needs is there and can be used, at most `Browser.patience_s`, and fails with the page,
the selector and a picture. Selectors are Playwright's: CSS, ``text=Buy now``, ``role=button[name="Buy"]``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from assay.browser.failure import failure
from assay.browser.reading import read_amount, read_instant
from assay.errors import InfrastructureError, UsageError
from assay.money import Money

if TYPE_CHECKING:
    from playwright.sync_api import FrameLocator, Locator, Page

T = TypeVar("T")
_BROKEN = 400


class Part:
    """A part of a page, or all of it: what may be read there, filled in and pressed.

    allowed: raises where a request was refused for safety meanwhile.
    """

    def __init__(
        self, root: Page | Locator | FrameLocator, page: Page, screens: Path, allowed: Callable[[], None]
    ) -> None:
        self._root = root
        self._page = page
        self._screens = screens
        self._allowed = allowed

    def text(self, selector: str) -> str:
        """Return the text of the one element, blanks at its ends taken off."""
        text: str = self._on(selector, lambda found: found.inner_text())
        return text.strip()

    def texts(self, selector: str) -> list[str]:
        """Return the text of every element there is now, maybe none; nothing is waited for."""
        return [text.strip() for text in self._root.locator(selector).all_inner_texts()]

    @overload
    def attribute(self, selector: str, name: str) -> str: ...
    @overload
    def attribute(self, selector: str, name: str, *, needed: bool) -> str | None: ...
    def attribute(self, selector: str, name: str, *, needed: bool = True) -> str | None:
        """Return an attribute of the one element; fails where it has none, unless it is not needed."""
        value: str | None = self._on(selector, lambda found: found.get_attribute(name))
        if value is None and needed:
            raise self._failed(f"'{selector}' has no attribute '{name}'", None, None, "correct the attribute's name")
        return value

    def amount(self, selector: str, currency: str, *, decimal: str = ".") -> Money:
        """Return the one amount in the element's text; see `read_amount`."""
        return self._read(selector, lambda: read_amount(self.text(selector), currency, decimal=decimal))

    def instant(self, selector: str, attribute: str | None = None) -> datetime:
        """Return the instant in the element's text, or in an attribute of it, in UTC."""
        return self._read(
            selector, lambda: read_instant(self.attribute(selector, attribute) if attribute else self.text(selector))
        )

    def has(self, selector: str) -> bool:
        """Say whether there is such an element now; nothing is waited for."""
        return self._root.locator(selector).count() > 0

    def parts(self, selector: str) -> list[Part]:
        """Return each such element there is now as a part of its own: the rows of a table, the lines of a cart.

        Within a part, ``:scope`` is the element itself.
        """
        return [self._part(found) for found in self._root.locator(selector).all()]

    def inside(self, frame: str) -> Part:
        """Return what is in a frame: a gateway's own payment field is one."""
        return self._part(self._root.frame_locator(frame))

    def fill(self, selector: str, text: str) -> None:
        """Put a text into a field."""
        self._on(selector, lambda found: found.fill(text))

    def choose(self, selector: str, option: str) -> None:
        """Choose an option of a list by its value or its label."""
        self._on(selector, lambda found: found.select_option(option))

    def tick(self, selector: str) -> None:
        """Tick a box."""
        self._on(selector, lambda found: found.check())

    def press(self, selector: str) -> None:
        """Press a button or follow a link, and wait until the page it leads to is there."""
        self._on(selector, lambda found: found.click())
        self._settle()

    def _part(self, root: Locator | FrameLocator) -> Part:
        return Part(root, self._page, self._screens, self._allowed)

    def _settle(self) -> None:
        from playwright.sync_api import Error

        try:
            self._page.wait_for_load_state()
            self._allowed()
        except Error as error:
            raise self._failed(
                "the page did not finish loading", None, first_line(error), "is the shop slow?"
            ) from None

    def _read(self, selector: str, read: Callable[[], T]) -> T:
        try:
            return read()
        except UsageError as error:
            hint = error.hint or "correct the selector"
            raise self._failed(f"'{selector}': {error.message}", error.expected, error.seen, hint) from None

    def _on(self, selector: str, work: Callable[[Any], T]) -> T:
        """Do something with the one element of a selector, once it is there."""
        from playwright.sync_api import Error

        try:
            return work(self._root.locator(selector))
        except Error as error:
            self._allowed()
            raise self._missed(selector, error) from None

    def _missed(self, selector: str, error: Exception) -> Exception:
        """Return why nothing could be done: none, several, or one that cannot be used; or the browser is gone."""
        from playwright.sync_api import Error

        try:
            count = self._root.locator(selector).count()
        except Error:
            if self._page.is_closed():
                return InfrastructureError("the browser is gone", seen=first_line(error), hint="run it again")
            return self._failed(f"'{selector}' is no selector", None, first_line(error), "correct the selector")
        if count == 1:
            seen = f"it is there, but: {_why(error)}"
            return self._failed(
                f"'{selector}' could not be used", "one that is visible and enabled", seen, "look at it"
            )
        seen = "none" if count == 0 else f"{count} of them"
        message = f"{'nothing' if count == 0 else 'more than one thing'} on the page matches '{selector}'"
        return self._failed(
            message, "exactly one", f"{seen}; the page says: {self._headline()}", "correct the selector"
        )

    def _headline(self) -> str:
        """Return what a person would read first on the page."""
        from playwright.sync_api import Error

        try:
            texts = self._page.locator("h1, [role=alert], .error").all_inner_texts()
        except Error:
            return "?"
        return " / ".join(text.strip() for text in texts if text.strip())[:200] or "nothing"

    def _failed(self, message: str, expected: str | None, seen: str | None, hint: str) -> Exception:
        return failure(self._page, message, expected=expected, seen=seen, hint=hint, screens=self._screens)


class Visit(Part):
    """A whole window, with cookies of its own: open a page, then read, fill in and press."""

    def __init__(self, page: Page, base_url: str, screens: Path, allowed: Callable[[], None] = lambda: None) -> None:
        super().__init__(page, page, screens, allowed)
        self._base_url = base_url

    def open(self, path: str, *, unknown: int | None = None) -> None:
        """Open a page of the shop by its path; one that answers 400 or worse fails.

        unknown: the status by which the shop says that there is no such thing; `LookupError` then.
        """
        from playwright.sync_api import Error

        if not path.startswith("/"):
            raise UsageError("a page is opened by its path", expected="/cart", seen=path)
        try:
            answer = self._page.goto(self._base_url + path)
        except Error as error:
            raise InfrastructureError(
                f"the page {path} could not be opened",
                where=self._base_url,
                seen=first_line(error),
                hint="is the shop up, and is base_url in assay.toml its address?",
            ) from None
        if answer is not None and answer.status == unknown:
            raise LookupError(f"the shop answers {unknown} to {path}")
        if answer is not None and answer.status >= _BROKEN:
            seen = f"{answer.status}; the page says: {self._headline()}"
            raise self._failed(f"the page {path} is refused", "a status below 400", seen, "look at it")

    @property
    def path(self) -> str:
        """The path and query of the page the window is on."""
        _, _, rest = self._page.url.partition("://")
        return "/" + rest.partition("/")[2]


def first_line(error: Exception) -> str:
    """Return what Playwright says, without its log of what it tried, which quotes what was typed."""
    return str(error).partition("\n")[0][:200]


def _why(error: Exception) -> str:
    """Return the reason among the log of what was tried: it is hidden, disabled, or covered by another element."""
    for line in str(error).splitlines():
        for reason in ("not visible", "not enabled", "not editable", "intercepts pointer events", "not stable"):
            if reason in line:
                return f"it is {reason}" if reason.startswith("not") else "another element covers it"
    return first_line(error)
