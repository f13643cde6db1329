"""What each kind of change between two versions of a document means to whoever calls by the older one.

One principle decides, the one the tools of this field have come to (oasdiff derives its checks' levels from it): a
message we **send** must stay acceptable, so what narrows it breaks and what widens it is an addition; a message we
**receive** must stay within what we were told, so what widens it breaks and what narrows it is an addition. What cannot
be proved either way is risky. Ours to be stricter or milder, and why:

- an optional field that is gone from what we receive breaks only where the integration reads it; where nobody says what
  it reads, it is risky;
- limits that widen in what we receive (a longer text, a larger number) are risky: columns and forms have lengths;
- a default that changes and a deprecation are risky: nothing fails today.

A vendor's webhooks turn round what is sent and what is received.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How much a change asks of us, the worst first."""

    BREAKING = "breaking"
    RISKY = "risky"
    ADDITIVE = "additive"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


class Side(StrEnum):
    """What a change is about: the operation as such, what we send to the vendor, or what we get from it."""

    OPERATION = "operation"
    SENT = "sent"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of change. sentence: what it is, as one would say it of a place."""

    id: str
    severity: Severity
    sentence: str


_B, _R, _A = Severity.BREAKING, Severity.RISKY, Severity.ADDITIVE

_TABLE = (
    # the operation
    ("operation-gone", _B, "the operation is gone"),
    ("operation-moved", _B, "the operation has another address"),
    ("operation-new", _A, "the operation is new"),
    ("operation-deprecated", _R, "the operation is deprecated"),
    ("message-changed", _R, "what is sent or received is another; --all says in what"),
    ("type-gone", _B, "the type is gone"),
    ("type-new", _A, "the type is new"),
    ("auth-changed", _B, "a way to authenticate is gone, or asks for more"),
    ("auth-added", _A, "there is one more way to authenticate"),
    # what we send
    ("sent-body-gone", _B, "no body is taken any more"),
    ("sent-body-required", _B, "a body is required now"),
    ("sent-body-new", _A, "a body may be sent now"),
    ("sent-content-type-gone", _B, "the content type is no longer taken"),
    ("sent-content-type-new", _A, "one more content type is taken"),
    ("parameter-required-new", _B, "a required parameter is new"),
    ("parameter-new", _A, "an optional parameter is new"),
    ("parameter-gone", _R, "the parameter is no longer documented: it may be ignored or refused"),
    ("parameter-moved", _B, "the parameter is sent in another place"),
    ("parameter-renamed", _B, "the parameter has another name"),
    ("sent-required-new", _B, "a required field is new"),
    ("sent-field-new", _A, "an optional field is new"),
    ("sent-field-gone", _R, "the field is no longer documented: it may be ignored or refused"),
    ("sent-field-refused", _B, "the field is gone, and further fields are refused"),
    ("sent-field-renamed", _B, "the field has another name"),
    ("sent-became-required", _B, "it is required now"),
    ("sent-became-optional", _A, "it is optional now"),
    ("sent-type-narrowed", _B, "a type is no longer taken"),
    ("sent-type-widened", _A, "one more type is taken"),
    ("sent-value-gone", _B, "a value is no longer taken"),
    ("sent-values-closed", _B, "only these values are taken now"),
    ("sent-value-new", _A, "one more value is taken"),
    ("sent-values-opened", _A, "any value is taken now"),
    ("sent-limit-tightened", _B, "a limit is tighter"),
    ("sent-limit-loosened", _A, "a limit is looser"),
    ("sent-limit-changed", _R, "a limit or format is another, and neither holds the other"),
    ("sent-default-changed", _R, "what is left out means something else"),
    ("sent-deprecated", _R, "it is deprecated"),
    # what we receive
    ("success-status-gone", _B, "the success status is gone"),
    ("success-status-changed", _B, "success has another status"),
    ("success-status-new", _A, "one more success status is answered"),
    ("error-status-gone", _R, "the error status is no longer documented"),
    ("error-status-new", _A, "one more error status is documented"),
    ("received-body-gone", _B, "no body is answered any more"),
    ("received-body-new", _A, "a body is answered now"),
    ("received-content-type-gone", _B, "the content type is no longer answered"),
    ("received-content-type-new", _A, "one more content type can be answered"),
    ("header-gone", _R, "the header is no longer documented"),
    ("header-new", _A, "a header is new"),
    ("received-required-gone", _B, "a required field is gone"),
    ("received-read-gone", _B, "an optional field that you read is gone"),
    ("received-optional-gone", _R, "an optional field is gone, and nobody said whether you read it"),
    ("received-unread-gone", _A, "an optional field that you do not read is gone"),
    ("received-field-new", _A, "a field is new"),
    ("received-field-renamed", _B, "the field has another name"),
    ("received-became-optional", _B, "it may be missing now"),
    ("received-became-required", _A, "it is always there now"),
    ("received-type-widened", _B, "one more type can come"),
    ("received-type-changed", _B, "another type comes"),
    ("received-null-new", _B, "null can come now"),
    ("received-type-narrowed", _A, "a type no longer comes"),
    ("received-value-new", _B, "a new value can come"),
    ("received-values-opened", _B, "any value can come now"),
    ("received-value-gone", _A, "a value no longer comes"),
    ("received-values-closed", _A, "only these values come now"),
    ("received-limit-loosened", _R, "what comes can be longer or larger than before"),
    ("received-limit-tightened", _A, "what comes is held to a tighter limit"),
    ("received-limit-changed", _R, "a limit or format is another, and neither holds the other"),
    ("received-default-changed", _R, "what is left out means something else"),
    ("received-deprecated", _R, "it is deprecated: it may go"),
)

RULES: dict[str, Rule] = {each[0]: Rule(*each) for each in _TABLE}
"""Every kind of change by its id, in the order in which a document about them would list them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change. operation: as the older document names it (the newer, of one that is new); '' for the whole document.

    place: what the path is in: `body`, `query`, `200`, … path: as in `assay.contracts.model`; also a parameter's name.
    undecided: the document's branches disagree about the place, so that nothing breaking is claimed of it. beneath: how
    many further fields went or came with it. operations: further operations the very same change holds for.
    """

    rule: str
    severity: Severity
    side: Side
    operation: str
    place: str = ""
    path: str = ""
    old: str = ""
    new: str = ""
    used: bool = True
    undecided: bool = False
    beneath: int = 0
    operations: tuple[str, ...] = field(default=())

    @property
    def sentence(self) -> str:
        """What it is, in words."""
        return RULES[self.rule].sentence

    @property
    def where(self) -> str:
        """Place and path as one text."""
        return " ".join(each for each in (self.place, self.path) if each)
