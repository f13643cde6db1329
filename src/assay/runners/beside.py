"""What a run leaves beside its orders: calls to hosts nobody declared, broken contracts, card data in logs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from assay.events import Exchange, Finding
from assay.flow import holder_of
from assay.local.plan import MERCHANT, Plan
from assay.oracles import POPULATION_ORACLES, Judging
from assay.oracles.access import scan_text
from assay.oracles.strangers import strangers
from assay.profile import read_credential
from assay.records import Population, Scan
from assay.runners.contract_traffic import ORACLE as CONTRACTS
from assay.runners.contract_traffic import RunTraffic
from assay.runners.evidence import CARD_HOLDER
from assay.store import Store

_MOST_READ = 8_000_000
"""Bytes of a log that are searched, its latest: a leak is a habit, and shows itself in any part."""
_MOST_HOLDERS = 20
_LEAST_SECRET = 10
_MICROSECOND = timedelta(microseconds=1)
_PUBLIC = ("publishable", "merchant_account", "report_url", "time_zone", "capture")


@dataclass(frozen=True, slots=True)
class Searched:
    """What was found in the logs, and which could not be read and why."""

    scans: tuple[Scan, ...]
    unread: tuple[tuple[str, str], ...]


class Beside:
    """Judges what a session leaves beside its orders: each thing once, from when the session was opened.

    traffic: what was said so far, held against the contracts. is_chosen: whether to judge by an oracle.
    """

    def __init__(self, plan: Plan, is_chosen: Callable[[str], bool]) -> None:
        self._plan = plan
        self._is_chosen = is_chosen
        self._logs = PlatformLogs(plan)
        self._customers: dict[str, None] = {}
        self.traffic = RunTraffic(plan)
        # The journal counts in whole milliseconds; no more is taken, lest an earlier run's calls are told again.
        self._since = datetime.now(UTC) - timedelta(milliseconds=1)

    def note(self, customer: str | None, exchanges: Sequence[Exchange]) -> None:
        """Keep what one execution leaves, until it is judged: its customer, and what was said by our own clients."""
        self._customers |= dict.fromkeys([customer] if customer else ())
        if self._is_chosen(CONTRACTS):
            self.traffic.note(exchanges)

    def forget(self) -> None:
        """Forget the customers noted so far."""
        self._customers.clear()

    def judged(self, journal: Store | None, judging: Judging, span: tuple[datetime, datetime]) -> list[Finding]:
        """Return what is to be said since this was last asked. journal: None where no edge keeps one."""
        logs = self._logs.searched(self._customers)
        self._customers.clear()
        population = Population(since=span[0], until=span[1], scans=logs.scans, unread=logs.unread)
        found = [POPULATION_ORACLES["O-Z1"](population, judging)] if self._is_chosen("O-Z1") else []
        calls = journal.calls(self._plan.name, since=self._since) if journal is not None else []
        self._since = max((call.at + _MICROSECOND for call in calls), default=self._since)
        if self._is_chosen(CONTRACTS):
            found += self.traffic.findings(calls, journalled=journal is not None)
        return found + strangers(calls)


class PlatformLogs:
    """The platform's logs from now on: what it wrote earlier is another run's.

    A simulated shop's own, and those the profile names (``systems.ID.logs``).
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._read = {path: path.stat().st_size for path in self._paths()}

    def searched(self, customers: Iterable[str]) -> Searched:
        """Search what was written since the last time for card data and the run's own marks and secrets.

        customers: whose card holders' names are looked for. A log that cannot be read is named with the reason.
        """
        canaries = {**self._secrets(), **dict.fromkeys(map(holder_of, list(customers)[-_MOST_HOLDERS:]), CARD_HOLDER)}
        scans, unread = [], [("logs", f"no file matches {pattern}") for pattern in self._without_file()]
        for path in self._paths():
            try:
                scans.append(scan_text(path.name, self._news(path), canaries))
            except OSError as error:
                unread.append(("logs", f"{path}: {error.strerror}"))
        return Searched(tuple(scans), tuple(unread))

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
        for pattern in self._patterns():
            found += pattern.parent.glob(pattern.name)
        return sorted({path for path in found if path.is_file()})

    def _patterns(self) -> list[Path]:
        systems = self._plan.environment.systems.values()
        return [self._plan.profile.folder / pattern for system in systems for pattern in system.logs]

    def _without_file(self) -> list[Path]:
        return [each for each in self._patterns() if not any(path.is_file() for path in each.parent.glob(each.name))]

    def _secrets(self) -> Mapping[str, str]:
        """Return the values of the systems' credentials, but for those meant to be seen."""
        found = {}
        for system in self._plan.environment.systems.values():
            for name, source in system.credentials.items():
                for value in (read_credential(source), system.test_credentials.get(name)):
                    if value and len(value) >= _LEAST_SECRET and not name.startswith(_PUBLIC):
                        found[value] = f"credential {name}"
        return found
