"""Where a monitor's runbook lies, and what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from assay.monitor import Monitor
from assay.reporting.status.source import StatusSource
from assay.suites import reference_suite

_MOST = 200_000


def address_of(monitor: Monitor | None, source: StatusSource) -> str:
    """Return where people read it: elsewhere where the profile says so, else our own page; empty without one."""
    if monitor is None or not monitor.runbook:
        return ""
    if _is_address(monitor.runbook):
        return monitor.runbook
    if _is_address(source.runbooks):
        return f"{source.runbooks.rstrip('/')}/{quote(monitor.runbook)}"
    return f"/runbooks/{quote(monitor.name, safe='')}" if _file(monitor, source) else ""


def text_of(monitor: Monitor, source: StatusSource) -> str | None:
    """Return what is written in it, None where it is no file of ours."""
    file = _file(monitor, source)
    return file.read_text(encoding="utf-8", errors="replace")[:_MOST] if file else None


def _file(monitor: Monitor, source: StatusSource) -> Path | None:
    if _is_address(monitor.runbook) or _is_address(source.runbooks):
        return None
    for folder in _folders(monitor, source):
        file = (folder / monitor.runbook).resolve()
        # Never a file outside: a page for many eyes shows it.
        if file.is_relative_to(folder.resolve()) and file.is_file():
            return file
    return None


def _folders(monitor: Monitor, source: StatusSource) -> Iterator[Path]:
    yield source.project / source.runbooks
    yield monitor.source.parent / "runbooks"
    yield reference_suite() / "monitors" / "runbooks"


def _is_address(text: str) -> bool:
    return text.startswith(("http://", "https://"))
