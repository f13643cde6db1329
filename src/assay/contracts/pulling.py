"""Fetches vendors' documents into the user's cache: pinned by checksum, kept for use without a network.

A document whose pinned checksum the cache already has is not asked for again. What was fetched is kept only where it
is a document and its checksum is the pinned one; a copy that was there before stays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urljoin, urlsplit

from assay.contracts.catalogue import catalogue
from assay.contracts.reading import MOST_BYTES, sniff
from assay.contracts.registry import cached_file, checksum
from assay.errors import InfrastructureError, SafetyError, UsageError
from assay.http import Client, open_client
from assay.masking import mask_url
from assay.profile import System

Outcome = Literal["fetched", "here", "changed", "failed"]
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_SILENCE_S, _TOTAL_S = 20.0, 300.0


class Way(NamedTuple):
    """How the outside is reached: by which proxy, and which further CA is trusted."""

    proxy: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One document to have: where it lies, what it must be ('' where nobody pinned it), and its licence's name."""

    system: str
    address: str
    sha256: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What came of one document.

    fetched: it was asked for and is kept. here: the cache had it by its checksum, nothing was asked. changed: another
    file than the pinned one lies there, which is not kept. failed: nothing usable came. kept: whether the cache has a
    copy now, from today or before; sha256: of what came, else of that copy.
    """

    wanted: Wanted
    outcome: Outcome
    sha256: str = ""
    size: int = 0
    format: str = ""
    kept: bool = False
    problem: str = ""
    hint: str = ""

    @property
    def line(self) -> str:
        """The line for assay.toml that pins what came; '' where nothing came or it is pinned to just that."""
        if not self.sha256 or self.outcome not in ("fetched", "changed") or self.sha256 == self.wanted.sha256:
            return ""
        return f'{{ at = "{mask_url(self.wanted.address)}", sha256 = "{self.sha256}" }}'


def wanted_of(systems: Mapping[str, System], names: Sequence[str] = ()) -> list[Wanted]:
    """Return what the profile, or else the catalogue, says is to be fetched for these systems (all without a name)."""
    found: list[Wanted] = []
    for name in names or systems:
        documents = systems[name].documents
        for place in documents:
            if place.address is not None:
                found.append(Wanted(system=name, address=place.address, sha256=place.sha256 or ""))
        for each in () if documents else catalogue().get(name, ()):
            found.append(Wanted(system=name, address=each.address, sha256=each.sha256, licence=each.licence))
    return found


def pull(
    wanted: Sequence[Wanted], cache: Path, *, way: Callable[[str], tuple[str | None, str | None]] = lambda _: Way()
) -> Iterator[Pulled]:
    """Fetch what the cache does not have, one after the other; a document that cannot be had keeps no other away.

    way: by which proxy and CA an address is reached.
    """
    clients: dict[str, Client] = {}
    with ExitStack() as closing:

        def ask(address: str) -> Client:
            origin = "{0.scheme}://{0.netloc}".format(urlsplit(address))
            if origin not in clients:
                proxy, ca_file = way(origin)
                clients[origin] = open_client(
                    origin, timeout_s=_SILENCE_S, total_s=_TOTAL_S, max_bytes=MOST_BYTES, proxy=proxy, ca_file=ca_file
                )
                closing.callback(clients[origin].close)
            return clients[origin]

        for each in wanted:
            yield _one(each, cached_file(cache, each.system, each.address), ask)


def _one(wanted: Wanted, path: Path, ask: Callable[[str], Client]) -> Pulled:
    before = checksum(path) if path.is_file() else ""
    if before and before == wanted.sha256:
        return Pulled(wanted=wanted, outcome="here", sha256=before, size=path.stat().st_size, kept=True)
    try:
        content = _fetch(wanted.address, ask)
        kind = sniff(content, source=wanted.address)[0]
    except (InfrastructureError, UsageError, SafetyError) as error:
        seen = f": {error.seen}" if error.seen else ""
        problem, hint = f"{error.message.rstrip('.')}{seen}", error.hint or ""
        return Pulled(wanted=wanted, outcome="failed", sha256=before, kept=bool(before), problem=problem, hint=hint)
    came = hashlib.sha256(content).hexdigest()
    if wanted.sha256 and came != wanted.sha256:
        hint = "compare both (assay contracts diff), then pin the new one in assay.toml or ask whoever publishes it"
        problem = f"another file lies there: SHA-256 expected {wanted.sha256}, seen {came}"
        return Pulled(
            wanted=wanted, outcome="changed", sha256=came, size=len(content), format=kind, kept=False, problem=problem,
            hint=hint,
        )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.part")
    draft.write_bytes(content)
    draft.replace(path)
    return Pulled(wanted=wanted, outcome="fetched", sha256=came, size=len(content), format=kind, kept=True)


def _fetch(address: str, ask: Callable[[str], Client]) -> bytes:
    """Return what an address answers with 200, after at most five redirects to other https addresses."""
    at = address
    for _ in range(_MOST_REDIRECTS + 1):
        reply = ask(at).request("GET", at)
        if reply.status in _REDIRECTS and (onwards := reply.headers.get("location")):
            further = urljoin(at, onwards)
            if urlsplit(at).scheme == "https" and urlsplit(further).scheme != "https":
                raise SafetyError("the address leads away from https", seen=mask_url(further), hint="give another one")
            at = further
            continue
        if reply.status == 200:
            return reply.body
        gone = reply.status in (404, 410)
        raise InfrastructureError(
            "there is nothing at the address" if gone else "the address did not answer with a document",
            seen=f"status {reply.status}",
            hint="correct it, or name the newer one under documents in assay.toml"
            if gone
            else "try it in a browser; a document behind a sign-in must be saved as a file and named by its path",
        )
    raise InfrastructureError("the address leads from one to the next without end", hint="give the last one itself")
