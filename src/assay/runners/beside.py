"""What a run leaves beside its orders: calls to hosts nobody declared, and card data in the platform's logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from assay.flow import holder_of
from assay.local.plan import MERCHANT, Plan
from assay.oracles.access import scan_text
from assay.profile import read_credential
from assay.records import Scan
from assay.runners.evidence import CARD_HOLDER

_MOST_READ = 8_000_000
"""Bytes of a log that are searched, its latest: a leak is a habit, and shows itself in any part."""
_MOST_HOLDERS = 20
_LEAST_SECRET = 10
_PUBLIC = ("publishable",)


class PlatformLogs:
    """The platform's logs from now on: what it wrote earlier is another run's.

    A simulated shop's own, and those the profile names (``systems.ID.logs``).
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._read = {path: path.stat().st_size for path in self._paths()}

    def scans(self, customers: Iterable[str]) -> tuple[Scan, ...]:
        """Search what was written since the last time for card data and the run's own marks and secrets."""
        canaries = {**self._secrets(), **dict.fromkeys(map(holder_of, list(customers)[-_MOST_HOLDERS:]), CARD_HOLDER)}
        return tuple(scan_text(path.name, self._news(path), canaries) for path in self._paths())

    def _news(self, path: Path) -> str:
        size, done = path.stat().st_size, self._read.get(path, 0)
        start = max(done if done <= size else 0, size - _MOST_READ)  # a shorter log was begun anew
        with path.open("rb") as file:
            file.seek(start)
            content = file.read(size - start)
        self._read[path] = size
        return content.decode("utf-8", errors="replace")

    def _paths(self) -> list[Path]:
        home = self._plan.home
        found = [home.logs / f"{MERCHANT}.log", *(home.path / MERCHANT).glob("*.log.*")] if self._plan.shop else []
        for system in self._plan.environment.systems.values():
            for pattern in system.logs:
                path = self._plan.profile.folder / pattern
                found += path.parent.glob(path.name)
        return sorted({path for path in found if path.is_file()})

    def _secrets(self) -> Mapping[str, str]:
        """Return the values of the systems' credentials, but for those meant to be seen."""
        found = {}
        for system in self._plan.environment.systems.values():
            for name, source in system.credentials.items():
                for value in (read_credential(source), system.test_credentials.get(name)):
                    if value and len(value) >= _LEAST_SECRET and not name.startswith(_PUBLIC):
                        found[value] = f"credential {name}"
        return found
