"""What holding something against a document came to: plain records that runners make and reports show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from assay.contracts.model import Deviation

REQUEST, ANSWER = "request", "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One deviation, and how often it was seen. example: one body or value, masked and cut short."""

    direction: str  # REQUEST or ANSWER
    deviation: Deviation
    count: int
    example: str = ""
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was seen of one operation in traffic. operation: '' where the document knows none, path says which.

    where: platform (the edge's journal), load (a simulator's access log) or live (the connectors' own exchanges).
    """

    system: str
    operation: str
    where: str
    exchanges: int
    path: str = ""
    statuses: Mapping[str, int]
    counted: tuple[Counted, ...] = ()
    judged_by: tuple[str, ...] = ()  # the documents, as "vendor: …" or "contract: …"; none where none knows it


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """One thing a generated request brought to light: what was broken, and how to ask for it again."""

    check: str
    status: int | None
    message: str
    repeat: str  # the request as a curl command, credentials masked
    known: str = ""  # the owner, reason and end date of the known-failures file that excuses it


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What generated requests came to at one operation. base_url names the simulator or sandbox that was asked."""

    system: str
    operation: str
    base_url: str
    cases: int
    documented: tuple[str, ...]  # statuses the document has
    seen: tuple[str, ...]  # statuses that came
    provoked: tuple[str, ...] = ()  # those of them that only a fault or missing credentials brought about
    failed: tuple[Failed, ...] = ()

    @property
    def covered(self) -> tuple[str, ...]:
        """The documented statuses that were seen; a status range or default counts where any of it came."""
        return tuple(
            each
            for each in self.documented
            if any(each in (code, "default") or (each[1:].upper() == "XX" and each[0] == code[0]) for code in self.seen)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldStub:
    """One stub, held against the documents. operation: '' where no document has it."""

    file: str
    system: str
    operation: str
    deviations: tuple[Deviation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracts:
    """Everything one run came to; what was not looked at is empty. undecided: what no document could say, by system.

    documented: the names of the operations there are, by system. left_out: what was not looked at, and why, by system.
    excused: what departs for a reason on record, which is no violation, by system.
    """

    environment: str
    at: datetime
    tested: tuple[Tested, ...] = ()
    observed: tuple[Observed, ...] = ()
    stubs: tuple[HeldStub, ...] = ()
    undecided: Mapping[str, str]
    documented: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    excused: Mapping[str, str] = field(default_factory=dict)

    @property
    def violations(self) -> int:
        """How many places break a document, known failures left out, additive ones too."""
        in_traffic = sum(
            not counted.deviation.problem.is_additive for each in self.observed for counted in each.counted
        )
        in_tests = sum(not failed.known for each in self.tested for failed in each.failed)
        in_stubs = sum(not deviation.problem.is_additive for each in self.stubs for deviation in each.deviations)
        return in_traffic + in_tests + in_stubs
