"""Switches defects on and off: files ``<ID>.py`` holding a docstring and ``SEAMS = {name: replacement}``."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from mocks.merchant import seams

OWN = Path(__file__).parent / "defects"


class UnknownDefect(Exception):
    """A defect is asked for that no folder holds."""


class BrokenDefect(Exception):
    """A defect file cannot be used: it does not load, or holds no docstring or no ``SEAMS``."""


@dataclass(frozen=True, slots=True)
class Defect:
    """One switchable fault: its id, what it re-creates, the seams it replaces and the file it stands in."""

    id: str
    meaning: str
    replacements: Mapping[str, Callable[..., Any]]
    path: Path


def read_defect(path: Path) -> Defect:
    """Load one defect file. Raises `BrokenDefect` naming the file and what is missing."""
    spec = importlib.util.spec_from_file_location(f"merchant_defect_{path.stem.replace('-', '_')}", path)
    if spec is None or spec.loader is None:
        raise BrokenDefect(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BrokenDefect(f"{path}: does not load: {error!r}") from error
    replacements = getattr(module, "SEAMS", None)
    if not isinstance(replacements, Mapping) or not replacements:
        raise BrokenDefect(f"{path}: expected SEAMS = {{'seam_name': replacement}}, seen {replacements!r}")
    if not module.__doc__:
        raise BrokenDefect(f"{path}: expected a docstring saying what the defect re-creates")
    return Defect(path.stem, module.__doc__.strip(), replacements, path)


class Switchboard:
    """The defects known to this merchant and which of them are on."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._lock = Lock()
        self._on: dict[str, Defect] = {}
        self._paths: dict[str, Path] = {}
        for folder in (OWN, *folders):
            if not folder.is_dir():
                raise BrokenDefect(f"{folder}: no such folder of defects")
            for path in sorted(folder.glob("*.py")):
                if path.stem != "__init__":
                    self._paths[path.stem] = path

    def known(self) -> list[dict[str, Any]]:
        """Return every defect with its meaning and whether it is on."""
        listed = []
        for name, path in sorted(self._paths.items()):
            defect = self._on.get(name) or read_defect(path)
            listed.append(
                {"id": name, "on": name in self._on, "meaning": defect.meaning, "seams": sorted(defect.replacements)}
            )
        return listed

    def switch(self, *, on: Iterable[str] = (), off: Iterable[str] = ()) -> list[str]:
        """Switch defects on and off and return those on now. An unknown id or seam changes nothing."""
        with self._lock:
            wanted = {name: defect for name, defect in self._on.items() if name not in set(self._each(off))}
            for name in self._each(on):
                wanted[name] = read_defect(self._paths[name])
            seams.restore()
            try:
                for defect in wanted.values():
                    seams.install(defect.replacements, origin=str(defect.path))
            except seams.UnknownSeam:
                seams.restore()
                for defect in self._on.values():
                    seams.install(defect.replacements, origin=str(defect.path))
                raise
            self._on = wanted
            return sorted(wanted)

    def _each(self, names: Iterable[str]) -> list[str]:
        listed = list(names)
        for name in listed:
            if name not in self._paths:
                close = (
                    [_tidied(name)] if _tidied(name) in self._paths else difflib.get_close_matches(name, self._paths, 1)
                )
                hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(sorted(self._paths))}"
                raise UnknownDefect(f"there is no defect '{name}'; {hint}")
        return listed


def _tidied(name: str) -> str:
    """Return an id as the catalogue writes it: capitals, two digits, no letter O among them."""
    family, _, number = name.upper().partition("-")
    return f"{family}-{number.replace('O', '0').zfill(2)}"
