"""What went wrong on a page: which page, which selector, what stood there instead, and a picture without secrets."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import AssayError
from assay.masking import mask_text, mask_url

if TYPE_CHECKING:
    from playwright.sync_api import Page

_NUMBERS = itertools.count(1)
# Whatever a person types into, and frames, where a gateway's own card field would be.
_COVERED = "input, textarea, select, [contenteditable], iframe, embed, object"
# Digits that could be a card's, wherever they stand on the page: first six and last four stay.
_REDACT = """() => {
  const card = /(?:\\d[ -]?){12,18}\\d/g;
  const hide = text => text.replace(card, found => {
    const digits = found.replace(/\\D/g, '');
    return digits.slice(0, 6) + '*'.repeat(digits.length - 10) + digits.slice(-4);
  });
  const texts = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode;
    if (hide(node.data) !== node.data) node.data = hide(node.data);
  }
}"""
_PICTURE_MS = 10_000


class PageFailure(AssayError):
    """A page was not what the connector expects: the shop is wrong there, or the selector is."""

    exit_code = 1


def failure(
    page: Page, message: str, *, expected: str | None, seen: str | None, hint: str, screens: Path
) -> PageFailure:
    """Return what went wrong as an error with the page's address and title, and the path of a picture of it."""
    where = f"{mask_url(page.url)} (title '{mask_text(_title(page))}')"
    picture = picture_of(page, screens)
    told = f"{hint}; picture: {picture}" if picture else f"{hint}; no picture could be taken"
    return PageFailure(
        mask_text(message), where=where, expected=expected, seen=mask_text(seen) if seen else seen, hint=told
    )


def picture_of(page: Page, screens: Path) -> Path | None:
    """Take a picture with every field and frame covered and card-like digits starred; None where none can be taken."""
    from playwright.sync_api import Error

    path = screens / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{next(_NUMBERS):03d}.png"
    try:
        screens.mkdir(parents=True, exist_ok=True)
        page.evaluate(_REDACT)
        page.screenshot(path=path, mask=[page.locator(_COVERED)], timeout=_PICTURE_MS, animations="disabled")
    except (Error, OSError):
        # A picture taken half-covered is worse than none.
        path.unlink(missing_ok=True)
        return None
    return path


def _title(page: Page) -> str:
    from playwright.sync_api import Error

    try:
        return page.title()
    except Error:
        return "?"
