"""The browser itself: found on the machine, started when first needed, all its windows in one thread of its own.

Playwright's objects belong to the thread that made them, and connectors are asked from many; so every visit is carried
out in that one thread, one after the other. It is for scenarios and monitors, not for load.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import shutil
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from assay.browser.visit import Visit, first_line
from assay.errors import AssayError, InfrastructureError, UsageError

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import Playwright, Route

T = TypeVar("T")
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_END_S = 10.0
VARIABLE = "ASSAY_CHROMIUM"
"""The environment variable that names another browser than the one found."""


def find_chromium() -> Path:
    """Return the browser of this machine; `InfrastructureError` with the command that installs one."""
    named = os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_file():
            raise UsageError("that is no browser", where=VARIABLE, expected="the path of a Chromium", seen=named)
        return Path(named)
    found = next((path for path in map(shutil.which, _NAMES) if path), None)
    found = found or next((path for path in _MAC if Path(path).is_file()), None)
    if found is None:
        raise InfrastructureError(
            "no Chromium was found, and the shop is driven by its pages",
            expected=" or ".join(_NAMES),
            hint=f"apt-get install -y chromium (or set {VARIABLE} to the path of one)",
        )
    return Path(found)


class Browser:
    """A browser for one shop, started by the first visit and closed by `close`, or with the process at the latest.

    base_url: where the shop is. patience_s: how long a verb waits for what it needs. screens: where pictures of pages
    that went wrong are put. proxy: a proxy by name; none otherwise, whatever the environment says, so that a witness
    never passes the edge.
    """

    def __init__(
        self, base_url: str, *, patience_s: float = 10.0, screens: Path, proxy: str | None = None, locale: str = "en-GB"
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._patience_s = patience_s
        self._screens = screens
        self._proxy = proxy
        self._locale = locale
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._playwright: Playwright | None = None
        self._chromium: Chromium | None = None

    def visit(self, work: Callable[[Visit], T], *, refusal: AssayError | None = None) -> T:
        """Carry out `work` in a window of its own and return what it returns.

        refusal: raised in place of the first request that is no read, which is not sent (production, reading only).
        """
        _refuse_load()
        told: Future[T] = Future()

        def job() -> None:
            try:
                told.set_result(self._carried_out(work, refusal))
            except BaseException as error:  # whoever waits is told, and the thread goes on
                told.set_exception(error)

        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="browser", daemon=True)
                self._thread.start()
                atexit.register(self.close)
            self._jobs.put(job)
        return told.result()

    def close(self) -> None:
        """Close the browser; a later visit starts it anew."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is None:
                return
            self._jobs.put(None)
        thread.join(_END_S)
        atexit.unregister(self.close)

    def _serve(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                job()
        finally:
            self._stop()

    def _stop(self) -> None:
        chromium, playwright, self._chromium, self._playwright = self._chromium, self._playwright, None, None
        with contextlib.suppress(Exception):  # it may have died before
            if chromium is not None:
                chromium.close()
        with contextlib.suppress(Exception):
            if playwright is not None:
                playwright.stop()

    def _started(self) -> Chromium:
        """Return the running browser, starting it where there is none or it has died."""
        if self._chromium is not None and self._chromium.is_connected():
            return self._chromium
        self._stop()
        executable = find_chromium()
        try:
            from playwright.sync_api import Error, sync_playwright
        except ImportError:
            raise UsageError(
                "driving a shop by its pages needs Playwright", hint="pip install 'assay[browser]'"
            ) from None
        options: dict[str, Any] = {"proxy": {"server": self._proxy}} if self._proxy else {"args": ["--no-proxy-server"]}
        try:
            self._playwright = sync_playwright().start()
            self._chromium = self._playwright.chromium.launch(executable_path=executable, **options)
        except Error as error:
            self._stop()
            raise InfrastructureError(
                "the browser did not start", where=str(executable), seen=first_line(error), hint="start it by hand once"
            ) from None
        return self._chromium

    def _carried_out(self, work: Callable[[Visit], T], refusal: AssayError | None) -> T:
        # No trace or video is recorded: both would hold what is typed.
        context = self._started().new_context(base_url=self._base_url, locale=self._locale, service_workers="block")
        try:
            context.set_default_timeout(self._patience_s * 1000)
            refused: list[str] = []

            def allowed() -> None:
                if refusal is not None and refused:
                    raise refusal

            if refusal is not None:
                context.route("**/*", lambda route: _reads_only(route, refused))
            found = work(Visit(context.new_page(), self._base_url, self._screens, allowed))
            allowed()
            return found
        finally:
            with contextlib.suppress(Exception):  # a browser that died has no window left to close
                context.close()


def _refuse_load() -> None:
    """Raise `UsageError` under a load generator's green threads, in which Playwright cannot run."""
    patches = sys.modules.get("gevent.monkey")
    if patches is not None and patches.is_module_patched("threading"):
        raise UsageError(
            "a shop that is driven by its pages cannot be put under load",
            hint="give the load profile a connector over HTTP, or leave [gate] load out of assay.toml",
        )


def _reads_only(route: Route, refused: list[str]) -> None:
    request = route.request
    if request.method in _READS:
        route.continue_()
        return
    refused.append(f"{request.method} {urlsplit(request.url).path}")
    route.fulfill(status=403, body="refused: only reading is allowed here")
