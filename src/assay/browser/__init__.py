"""A shop that is driven by its pages: for platforms without an API, in Debian's own Chromium, by Playwright.

    pip install 'assay[browser]'        and, once per machine:  apt-get install -y chromium

A connector of this kind is a `PagedShop` with three functions to fill in; each gets a `Visit`, a browser window of its
own. Playwright is imported when the first page is opened, not before.
"""

from __future__ import annotations

from assay.browser.failure import PageFailure
from assay.browser.paged_shop import PagedShop
from assay.browser.reading import read_amount, read_instant
from assay.browser.visit import Part, Visit
from assay.browser.window import Browser, find_chromium

__all__ = [
    "Browser",
    "PageFailure",
    "PagedShop",
    "Part",
    "Visit",
    "find_chromium",
    "read_amount",
    "read_instant",
]
