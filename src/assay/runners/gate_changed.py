"""Which systems changed since generated requests last found nothing wrong with them, so that a gate asks no others.

Kept beside the reports, ``reports/out/conformance.json``: a project without that file, a new machine, asks them all.
Simulators that come with Assay were asked before its release; a project that has its own of one has changed it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import assay
from assay import __version__
from assay.contracts.registry import CONTRACT, Registry
from assay.errors import UsageError
from assay.local.plan import Plan
from assay.runners.run_log import OUT
from assay.suites import reference_suite, suite_roots

FILE = OUT / "conformance.json"
_FORMAT = 1
_SIMKIT = Path(assay.__file__).parent / "simkit"
_NO_SOURCE = frozenset({"__pycache__", ".DS_Store"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Green:
    """The last time a system was asked and nothing was wrong. until: the day its first known failure runs out."""

    digest: str
    examples: int
    run_id: str
    until: date | None = None


class Memory:
    """What was found green, by environment and system. A file that cannot be read remembers nothing."""

    def __init__(self, plan: Plan) -> None:
        self._path = plan.profile.folder / FILE
        self._environment = plan.name
        self._known = _read(self._path)

    def still_green(self, system: str, digest: str, *, examples: int, today: date) -> Green | None:
        """Return when a system was found green as it is now; None where it changed, or was asked less, or never."""
        last = self._known.get(self._environment, {}).get(system)
        if last is None or last.digest != digest or last.examples < examples:
            return None
        return None if last.until is not None and last.until < today else last

    def found(self, system: str, green: Green | None) -> None:
        """Remember what a system was found to be; None: something was wrong. `OSError` where it cannot be kept."""
        mine = self._known.setdefault(self._environment, {})
        if green is None:
            mine.pop(system, None)
        else:
            mine[system] = green
        content = {
            "format": _FORMAT,
            "environments": {
                environment: {name: asdict(each) for name, each in sorted(systems.items())}
                for environment, systems in sorted(self._known.items())
            },
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_name(f"{self._path.name}.part")
        part.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")
        part.replace(self._path)


def is_shipped(plan: Plan, system: str, registry: Registry) -> bool:
    """Whether simulator and contract are those that came with Assay, which were asked before its release."""
    project = plan.profile.folder.resolve()
    if project == reference_suite().resolve() or (project / "mocks" / system).is_dir():
        return False
    contract = registry.contract(system)
    return contract is not None and not contract.path.resolve().is_relative_to(project)


def digest_of(plan: Plan, system: str, registry: Registry) -> str:
    """Return a digest of all that a simulator's answers come from: its folder, its contract, its settings, simkit."""
    digest = hashlib.sha256(__version__.encode())
    roots = [root / "mocks" / system for root in suite_roots(plan.profile.folder)]
    folder = next((root for root in roots if root.is_dir()), None)
    for place in (_SIMKIT, *([folder] if folder else [])):
        for path in _files(place):
            digest.update(f"\0{path.relative_to(place)}\0".encode())
            digest.update(path.read_bytes())
    for held in registry.documents(system, CONTRACT):
        digest.update(held.sha256.encode())
    digest.update(plan.environment.systems[system].model_dump_json().encode())
    return digest.hexdigest()


def _files(folder: Path) -> Iterable[Path]:
    found = (path for path in folder.rglob("*") if path.is_file() and not _NO_SOURCE & set(path.parts))
    return sorted(found)


def _read(path: Path) -> dict[str, dict[str, Green]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            return {}
        return {
            environment: {name: _green(each) for name, each in systems.items()}
            for environment, systems in content["environments"].items()
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError, UsageError):
        return {}


def _green(said: Mapping[str, Any]) -> Green:
    until = date.fromisoformat(said["until"]) if said.get("until") else None
    return Green(digest=said["digest"], examples=int(said["examples"]), run_id=said["run_id"], until=until)
