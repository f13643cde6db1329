"""The shipped list of vendors' public documents: where each lies, its version, licence and checksum."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("catalogue.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One document a vendor publishes. file: its name in a cache or folder; version: '' where it states none."""

    system: str
    file: str
    title: str
    version: str
    format: str
    licence: str
    address: str
    sha256: str


@cache
def catalogue() -> Mapping[str, Sequence[Published]]:
    """Return the documents of every vendor that is simulated here and publishes any, by system."""
    content = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {system: tuple(Published(system=system, **each) for each in listed) for system, listed in content.items()}
