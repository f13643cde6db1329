"""Which documents there are of each system and where they lie on this machine; each is read when it is first asked.

Of every system: the contract, what is used of it (the profile's, else `mocks/SYSTEM/contract.yaml` of the suites, the
user's first), and the vendor's own documents. Those come from the profile where it names any, else, for the vendors
of the catalogue, from the cache that `assay contracts pull` filled, else from a folder of documents (ASSAY_SPECS, or
`shared/specs` beside the project). Nothing is fetched here. A document that cannot be read is one with a fault and no
operations; the others are used all the same.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urljoin, urlsplit

from assay.contracts.catalogue import Published, catalogue
from assay.contracts.known import TRAFFIC, Known, known_file, read_known
from assay.contracts.model import Document, Fault
from assay.errors import UsageError
from assay.masking import mask_url
from assay.profile import System

Role = Literal["contract", "vendor"]
CONTRACT: Role = "contract"
VENDOR: Role = "vendor"
UNREADABLE = "unreadable"
"""The format of a document that could not be read; its one fault says why."""
SPECS = "ASSAY_SPECS"
_READ: dict[tuple[Path, str, int, int], Document] = {}  # of this process: a session opens a registry for each run
_CONTRACT_FILES = ("contract.yaml", "openapi.yaml")


@dataclass(frozen=True)
class Held:
    """One document of a system. source: where it came from, for people; path: the file itself."""

    system: str
    role: Role
    source: str
    path: Path
    address: str = ""  # where it was fetched from, which relative references start at
    by_address: Mapping[str, Path] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def document(self) -> Document:
        """The document as it was read; reading Stripe's takes seconds, so only who needs it asks."""
        try:
            stat = self.path.stat()
            key = (self.path, self.address, stat.st_mtime_ns, stat.st_size)
            if key not in _READ:
                from assay.contracts.reading import read_document

                _READ[key] = read_document(self.path, source=str(self.path), fetch=self._referenced)
            return _READ[key]
        except OSError as error:
            fault = Fault("", f"{error.strerror}: {self.path}")
        except UsageError as error:
            parts = (
                error.message,
                error.where and f"at {error.where}",
                error.seen and f"seen: {error.seen}",
                error.hint,
            )
            fault = Fault("", "; ".join(part for part in parts if part))
        return Document(source=str(self.path), format=UNREADABLE, title=self.path.name, faults=(fault,))

    @cached_property
    def sha256(self) -> str:
        """The checksum of the file."""
        return checksum(self.path)

    def _referenced(self, reference: str) -> bytes:
        """Return a document that this one refers to: what was fetched of that address, else the file beside it."""
        from assay.contracts.reading import neighbours

        path = self.by_address.get(urljoin(self.address, reference).partition("#")[0])
        return path.read_bytes() if path is not None else neighbours(self.path.parent)(reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """One document that is named and not on this machine, and what to do about it."""

    system: str
    name: str
    problem: str
    hint: str
    declared: bool = False  # whether the profile names it


class Registry:
    """The documents of one environment's systems."""

    def __init__(self, held: Mapping[str, Sequence[Held]], absent: Sequence[Absent] = ()) -> None:
        self._held = {system: tuple(documents) for system, documents in held.items()}
        self._absent = tuple(absent)

    @property
    def systems(self) -> tuple[str, ...]:
        """Every system that has a document, in the profile's order."""
        return tuple(self._held)

    def documents(self, system: str, role: str | None = None) -> Sequence[Held]:
        """Return a system's documents, its contract first; none for a system that has none. role: of this one alone."""
        return tuple(each for each in self._held.get(system, ()) if role in (None, each.role))

    def contract(self, system: str) -> Held | None:
        """Return what is used of a system, None where nothing says it."""
        return next(iter(self.documents(system, CONTRACT)), None)

    def vendor(self, system: str) -> Sequence[Held]:
        """Return the vendor's own documents that are on this machine."""
        return self.documents(system, VENDOR)

    def known(self, system: str, seen_by: str = TRAFFIC) -> Sequence[Known]:
        """Return what is known to depart from a system's documents, and why; `UsageError` for a wrong list.

        seen_by: traffic or compare; entries that are for the other alone are left out.
        """
        contract = self.contract(system)
        listed = read_known(known_file(contract.path)) if contract is not None else ()
        return tuple(each for each in listed if each.only in ("", seen_by))

    def absent(self, system: str | None = None) -> Sequence[Absent]:
        """Return what is named and not on this machine."""
        return tuple(each for each in self._absent if system in (None, each.system))


def held(
    systems: Mapping[str, System],
    folder: Path,
    *,
    roots: Sequence[Path] = (),
    cache: Path | None = None,
    specs: Path | None = None,
) -> Registry:
    """Find the documents of these systems. Parses none of them, and raises for none of them.

    folder: where assay.toml lies. roots: the suites, the user's first. cache, specs: other places than the user's
    cache and ASSAY_SPECS.
    """
    shelf = Shelf(folder, cache or cache_directory(), specs or specs_directory((folder, *roots)), systems)
    found: dict[str, tuple[Held, ...]] = {}
    absent: list[Absent] = []
    for name, system in systems.items():
        places = [*shelf.contract(name, system, roots), *shelf.of_vendor(name, system)]
        found[name] = tuple(each for each in places if isinstance(each, Held))
        absent += [each for each in places if isinstance(each, Absent)]
    return Registry({name: each for name, each in found.items() if each}, absent)


def cache_directory() -> Path:
    """Return the folder of the user's cache in which fetched documents are kept."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("assay")) / "contracts"


def cached_file(cache: Path, system: str, address: str) -> Path:
    """Return where the document of an address is kept: under its own name, one folder for each address."""
    digest = hashlib.sha256(address.encode()).hexdigest()[:16]
    name = Path(urlsplit(address).path).name or "document"
    return cache / system / digest / re.sub(r"[^\w.-]", "_", name)


def specs_directory(beside: Sequence[Path]) -> Path | None:
    """Return the folder of vendors' documents: ASSAY_SPECS, else `shared/specs` beside a project; None without one."""
    said = os.environ.get(SPECS)
    if said:
        return Path(said)
    return next((each for root in beside if (each := root.parent / "shared" / "specs").is_dir()), None)


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Shelf:
    """Finds where documents lie, in the order the profile, the cache, the folder of documents."""

    def __init__(self, folder: Path, cache: Path, specs: Path | None, systems: Mapping[str, System]) -> None:
        self._folder = folder
        self._cache = cache
        self._specs = specs
        self._by_address: dict[str, Path] = {}
        for name, system in systems.items():
            for address in (place.address for place in system.documents):
                if address is not None and (path := cached_file(cache, name, address)).is_file():
                    self._by_address[address] = path

    def contract(self, name: str, system: System, roots: Sequence[Path]) -> Iterator[Held | Absent]:
        """Find what is used of a system: the profile's document, else the suites'."""
        if system.contract is not None:
            path = self._folder / system.contract
            if path.is_file():
                yield Held(name, CONTRACT, f"profile: {system.contract}", path, "", self._by_address)
            else:
                yield self._no_file(name, system.contract, path, "contract")
            return
        files = (root / "mocks" / name / file for root in roots for file in _CONTRACT_FILES)
        path_or_none = next((file for file in files if file.is_file()), None)
        if path_or_none is not None:
            source = f"suite: mocks/{name}/{path_or_none.name}"
            yield Held(name, CONTRACT, source, path_or_none, "", self._by_address)

    def of_vendor(self, name: str, system: System) -> Iterator[Held | Absent]:
        """Find a vendor's documents: those the profile names, else those of the catalogue."""
        if not system.documents:
            for published in catalogue().get(name, ()):
                yield self._published(published)
        for place in system.documents:
            if place.address is not None:
                yield self._fetched(name, place.address, place.sha256, declared=True)
                continue
            path = self._folder / place.at
            if not path.is_file():
                yield self._no_file(name, place.at, path, "documents")
            elif place.sha256 not in (None, seen := checksum(path)):
                hint = f"take the file that is meant, or write sha256 = '{seen}' if this one is"
                problem = f"the SHA-256 of {path} is {seen}, not {place.sha256}"
                yield Absent(system=name, name=place.at, problem=problem, hint=hint, declared=True)
            else:
                yield Held(name, VENDOR, f"profile: {place.at}", path, "", self._by_address)

    def _published(self, published: Published) -> Held | Absent:
        found = self._fetched(published.system, published.address, published.sha256, declared=False)
        if isinstance(found, Held) or self._specs is None:
            return found
        path = self._specs / published.system / published.file
        if not path.is_file() or checksum(path) != published.sha256:
            return found
        source = f"folder of documents: {path}"
        return Held(published.system, VENDOR, source, path, published.address, self._by_address)

    def _fetched(self, name: str, address: str, pin: str | None, *, declared: bool) -> Held | Absent:
        path, shown = cached_file(self._cache, name, address), mask_url(address)
        hint = f"assay contracts pull {name}"
        if not path.is_file():
            problem = "it was not fetched yet"
        elif pin not in (None, seen := checksum(path)):
            problem = f"the SHA-256 of what was fetched is {seen}, not {pin}"
        else:
            return Held(name, VENDOR, f"cache: {shown}", path, address, self._by_address)
        return Absent(system=name, name=shown, problem=problem, hint=hint, declared=declared)

    @staticmethod
    def _no_file(name: str, said: str, path: Path, key: str) -> Absent:
        hint = f"correct {key} of [systems.{name}] in assay.toml: files are relative to it"
        return Absent(system=name, name=said, problem=f"there is no {path}", hint=hint, declared=True)
