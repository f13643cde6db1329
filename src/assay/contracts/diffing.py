"""Two versions of a document, held against each other: what breaks of what the integration uses, first.

Any two formats can be compared, since all are read into operations and fields. `assay.contracts.diff_rules` says what
each kind of change means and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from assay.contracts.diff_fields import FieldChange, changes, on_the_wire
from assay.contracts.diff_pairs import Pairs, has_moved, pair
from assay.contracts.diff_rules import RULES, Change, Severity, Side
from assay.contracts.diff_used import Uses
from assay.contracts.model import Answer, Document, Operation, Parameter, Shape, media_type

__all__ = ["Diff", "compare"]

_SENT = {
    "new": "sent-field-new",
    "renamed": "sent-field-renamed",
    "became-required": "sent-became-required",
    "became-optional": "sent-became-optional",
    "type-narrowed": "sent-type-narrowed",
    "type-changed": "sent-type-narrowed",
    "type-widened": "sent-type-widened",
    "null-new": "sent-type-widened",
    "null-gone": "sent-type-narrowed",
    "value-gone": "sent-value-gone",
    "value-new": "sent-value-new",
    "values-closed": "sent-values-closed",
    "values-opened": "sent-values-opened",
    "limit-tightened": "sent-limit-tightened",
    "limit-loosened": "sent-limit-loosened",
    "limit-changed": "sent-limit-changed",
    "format-new": "sent-limit-changed",  # documents name formats that nobody checks, and some that somebody does
    "default-changed": "sent-default-changed",
    "deprecated": "sent-deprecated",
}
_RECEIVED = {
    "new": "received-field-new",
    "renamed": "received-field-renamed",
    "became-required": "received-became-required",
    "became-optional": "received-became-optional",
    "type-narrowed": "received-type-narrowed",
    "type-changed": "received-type-changed",
    "type-widened": "received-type-widened",
    "null-new": "received-null-new",
    "null-gone": "received-type-narrowed",
    "value-gone": "received-value-gone",
    "value-new": "received-value-new",
    "values-closed": "received-values-closed",
    "values-opened": "received-values-opened",
    "limit-tightened": "received-limit-tightened",
    "limit-loosened": "received-limit-loosened",
    "limit-changed": "received-limit-changed",
    "format-new": "received-limit-tightened",
    "default-changed": "received-default-changed",
    "deprecated": "received-deprecated",
}

# OpenAPI has these described by content types and by the ways to authenticate; as parameters they say nothing more.
_SAID_ELSEWHERE = frozenset({("header", "accept"), ("header", "content-type"), ("header", "authorization")})
_SMALL = 150  # operations of a document that is compared whole in seconds
_EACH_BY_NAME = frozenset({"operation-gone", "operation-new", "operation-deprecated", "type-gone", "type-new"})
# A type that no operation of such a document uses is on no wire.
_ALL_BY_OPERATION = frozenset({"openapi-3.0", "openapi-3.1", "swagger-2.0"})


@dataclass(frozen=True, kw_only=True)
class Diff:
    """What changed. paired: how many operations are in both; used: where what is used was taken from, '' for nowhere.

    changes: what is used first, the worst first, each change once with all its operations.
    """

    old: Document
    new: Document
    paired: int
    used: str
    changes: Sequence[Change]

    def of(self, severity: Severity, *, used: bool | None = None) -> list[Change]:
        """Return the changes of one severity, of what is used or is not, or both."""
        return [each for each in self.changes if each.severity is severity and used in (None, each.used)]

    @property
    def has_nothing_in_common(self) -> bool:
        """Whether no operation and no named type is in both: they are hardly versions of one document."""
        return not self.paired and not self.old.shapes.keys() & self.new.shapes.keys()


def compare(old: Document, new: Document, uses: Uses | None = None, *, rest: bool = True) -> Diff:
    """Return what changed from the older document to the newer. uses: what the integration uses of the older one.

    rest: whether the messages of operations that are not used are compared field by field, too. Of a small document
    they are in any case; of a large one that takes minutes, and that a message is another is all that is said then.
    """
    pairs = pair(old.operations, new.operations)
    found = list(_of_operations(pairs))
    whole = rest or uses is None or len(old.operations) <= _SMALL
    for older, newer in pairs.both:
        if whole or (uses is not None and older.name in uses.operations):
            found += _of_operation(older, newer)
        else:
            found += _of_unused(older, newer)
    if not (old.operations and old.format in _ALL_BY_OPERATION):
        found += _of_types(old.shapes, new.shapes)
    judged = [_judged(each, uses) for each in found]
    return Diff(
        old=old, new=new, paired=len(pairs.both), used=uses.source if uses else "", changes=tuple(_folded(judged))
    )


def _judged(change: Change, uses: Uses | None) -> Change:
    """Say whether what changed is used, and what follows from it for a field that is gone."""
    if change.rule == "received-optional-gone" and uses is not None:
        read = uses.reads(change.operation, change.path)
        if read is not None:
            change = _with_rule(change, "received-read-gone" if read else "received-unread-gone")
    if change.undecided and change.severity is Severity.BREAKING:
        change = replace(change, severity=Severity.RISKY)
    return replace(change, used=uses is None or uses.concerns(change))


def _with_rule(change: Change, rule: str) -> Change:
    return replace(change, rule=rule, severity=RULES[rule].severity)


def _folded(found: Iterable[Change]) -> list[Change]:
    """Return each change once, the operations it holds for beside it."""

    def same(each: Change) -> tuple[object, ...]:
        name = each.operation if each.rule in _EACH_BY_NAME else ""
        return (
            not each.used, each.severity.rank, each.rule, name, each.path, each.old, each.new, each.undecided,
            each.beneath, each.side,
        )  # fmt: skip

    made = []
    for _, group in groupby(sorted(found, key=same), key=same):
        alike = list(group)
        names = list(dict.fromkeys(each.operation for each in alike))
        places = list(dict.fromkeys(each.place for each in alike if each.place))
        made.append(replace(alike[0], place=", ".join(sorted(places)), operations=tuple(names[1:])))
    return sorted(made, key=lambda each: (not each.used, each.severity.rank, each.operation, each.place, each.path))


def _change(
    rule: str, side: Side, operation: str, *, place: str = "", path: str = "", old: str = "", new: str = ""
) -> Change:
    severity = RULES[rule].severity
    return Change(
        rule=rule, severity=severity, side=side, operation=operation, place=place, path=path, old=old, new=new
    )


def _of_operations(pairs: Pairs) -> Iterator[Change]:
    for each in pairs.gone:
        yield _change("operation-gone", Side.OPERATION, each.name)
    for each in pairs.new:
        yield _change("operation-new", Side.OPERATION, each.name)


def _of_operation(old: Operation, new: Operation) -> Iterator[Change]:
    """Give every change of one operation; a vendor's webhook is a request that we receive."""
    name = old.name
    if has_moved(old, new):
        yield _moved(old, new)
    if new.deprecated and not old.deprecated:
        yield _change("operation-deprecated", Side.OPERATION, name)
    if old.auth and new.auth and old.auth != new.auth:
        gone, came = sorted(set(old.auth) - set(new.auth)), sorted(set(new.auth) - set(old.auth))
        before, after = ", ".join(gone), ", ".join(came) or "nothing instead"
        if gone:
            yield _change("auth-changed", Side.OPERATION, name, old=before or "none", new=after)
        elif came:
            yield _change("auth-added", Side.OPERATION, name, new=after)
    yield from _parameters(name, old, new)
    if old.webhook:
        yield from _bodies(name, "body", Side.RECEIVED, old.requests, new.requests)
        return
    if not old.requests and new.requests:
        yield _change("sent-body-required" if new.body_required else "sent-body-new", Side.SENT, name, place="body")
    elif old.requests and not new.requests:
        yield _change("sent-body-gone", Side.SENT, name, place="body")
    else:
        if new.body_required and not old.body_required and old.requests:
            yield _change("sent-body-required", Side.SENT, name, place="body")
        yield from _bodies(name, "body", Side.SENT, old.requests, new.requests)
    yield from _answers(name, old.responses, new.responses)


def _of_unused(old: Operation, new: Operation) -> Iterator[Change]:
    """Give the changes of an operation as such, and that its messages are others where they are."""
    bare, other = (replace(each, parameters=(), requests={}, responses={}) for each in (old, new))
    yield from _of_operation(bare, other)
    if list(_messages(old)) != list(_messages(new)):
        yield _change("message-changed", Side.OPERATION, old.name)


def _messages(operation: Operation) -> Iterator[object]:
    """Give what is equal where messages are: of a schema its content, of another shape its fields."""
    yield [(each.place, each.name, each.required) for each in operation.parameters]
    for key, answer in (("", Answer(shapes=operation.requests)), *operation.responses.items()):
        for content_type, shape in answer.shapes.items():
            yield key, content_type, getattr(shape, "schema", None) or (shape and dict(shape.fields))


def _moved(old: Operation, new: Operation) -> Change:
    """Say from where to where, and no more of it than differs, so that what moved together is one change."""
    before, after = old.path, new.path
    tail = 0
    older, newer = before.split("/"), after.split("/")
    while tail < min(len(older), len(newer)) - 1 and older[-1 - tail] == newer[-1 - tail]:
        tail += 1
    if tail:
        before, after = "/".join(older[:-tail]) + "/…", "/".join(newer[:-tail]) + "/…"
    if old.method != new.method:
        before, after = f"{old.method} {before}", f"{new.method} {after}"
    return _change("operation-moved", Side.OPERATION, old.name, old=before, new=after)


def _parameters(name: str, old: Operation, new: Operation) -> Iterator[Change]:
    """Give what changed of path, query, header and cookie; parameters of the path are known by their position."""
    before, after = _by_place(old), _by_place(new)
    for key in sorted(before.keys() & after.keys()):
        yield from _parameter(name, before[key], after[key])
    gone = [before[key] for key in sorted(before.keys() - after.keys())]
    came = [after[key] for key in sorted(after.keys() - before.keys())]
    for each in gone:
        alike = [one for one in came if _bare(one) == _bare(each)]
        if len(alike) != 1:
            yield _change("parameter-gone", Side.SENT, name, place=each.place, path=each.name)
            continue
        same = alike[0]
        came.remove(same)
        rule, what = ("renamed", "name") if same.place == each.place else ("moved", "place")
        older, newer = getattr(each, what), getattr(same, what)
        yield _change(f"parameter-{rule}", Side.SENT, name, place=each.place, path=each.name, old=older, new=newer)
    for each in came:
        rule = "parameter-required-new" if each.required else "parameter-new"
        yield _change(rule, Side.SENT, name, place=each.place, path=each.name)


def _by_place(operation: Operation) -> dict[tuple[str, str], Parameter]:
    """Return the parameters by place and name, or by the position they have in the path."""
    in_path = sorted(
        (each for each in operation.parameters if each.place == "path"),
        key=lambda each: operation.path.find("{" + each.name + "}"),
    )
    found = {("path", str(number)): each for number, each in enumerate(in_path)}
    for each in operation.parameters:
        if each.place != "path" and (each.place, each.name.casefold()) not in _SAID_ELSEWHERE:
            found[each.place, each.name.casefold() if each.place == "header" else each.name] = each
    return found


def _bare(parameter: Parameter) -> str:
    return parameter.name.replace("_", "").replace("-", "").casefold()


def _parameter(name: str, old: Parameter, new: Parameter) -> Iterator[Change]:
    at = {"place": old.place, "path": old.name}
    if old.required != new.required and old.place != "path":
        rule = "sent-became-required" if new.required else "sent-became-optional"
        yield _change(rule, Side.SENT, name, **at)
    if new.deprecated and not old.deprecated:
        yield _change("sent-deprecated", Side.SENT, name, **at)
    if old.shape is None or new.shape is None:
        return
    for each in changes(on_the_wire(old.shape.fields), on_the_wire(new.shape.fields)):
        shown = replace(each, path=f"{old.name}{each.path}")
        if each.what.startswith("type-"):
            before, after = old.shape.fields[each.path], new.shape.fields[each.path]
            shown = replace(shown, old=before.words, new=after.words)
        yield from _as_sent(name, old.place, shown)


def _bodies(
    name: str, place: str, side: Side, old: Mapping[str, Shape | None], new: Mapping[str, Shape | None]
) -> Iterator[Change]:
    """Give what changed of a body, content type by content type."""
    word = "sent" if side is Side.SENT else "received"
    before, after = _plain(old), _plain(new)
    alike = [(each, each) for each in before if each in after]
    if not alike and len(before) == 1 and len(after) == 1:
        alike = [(next(iter(before)), next(iter(after)))]  # another type of the same content
    for each in sorted(before.keys() - after.keys()):
        instead = next(iter(after)) if len(before) == len(after) == 1 else ""
        yield _change(f"{word}-content-type-gone", side, name, place=place, old=each, new=instead)
    for each in sorted(after.keys() - before.keys()):
        if len(before) != 1 or len(after) != 1:
            yield _change(f"{word}-content-type-new", side, name, place=place, new=each)
    for older, newer in alike:
        one, other = before[older], after[newer]
        if one is not None and other is not None:
            for change in _between(one, other):
                yield from (_as_sent if side is Side.SENT else _as_received)(name, place, change)


def _between(old: Shape, new: Shape) -> Iterator[FieldChange]:
    """Give what changed of a message. Two that are the same schema are not taken apart, which of some takes seconds."""
    schema = getattr(old, "schema", None)
    if schema is None or schema != getattr(new, "schema", None):
        yield from changes(old.fields, new.fields)


def _plain(shapes: Mapping[str, Shape | None]) -> dict[str, Shape | None]:
    return {media_type(content_type): each for content_type, each in shapes.items()}


def _answers(name: str, old: Mapping[str, Answer], new: Mapping[str, Answer]) -> Iterator[Change]:
    """Give what changed of statuses, headers and bodies."""
    pairs, gone, came = _statuses(old, new)
    for each in gone:
        rule = "success-status-gone" if _is_success(each) else "error-status-gone"
        yield _change(rule, Side.RECEIVED, name, old=each)
    for each in came:
        rule = "success-status-new" if _is_success(each) else "error-status-new"
        yield _change(rule, Side.RECEIVED, name, new=each)
    for before, after in pairs:
        if before != after and before.isdigit() and after.isdigit():
            yield _change("success-status-changed", Side.RECEIVED, name, old=before, new=after)
        one, other = old[before], new[after]
        if one.shapes and not other.shapes:
            rule = "received-body-gone" if _is_success(before) else "error-status-gone"
            yield _change(rule, Side.RECEIVED, name, place=before, old="a body", new="none")
        elif other.shapes and not one.shapes:
            yield _change("received-body-new", Side.RECEIVED, name, place=before)
        else:
            yield from _bodies(name, before, Side.RECEIVED, one.shapes, other.shapes)
        for header in sorted(one.headers.keys() - other.headers.keys()):
            yield _change("header-gone", Side.RECEIVED, name, place=before, path=header)
        for header in sorted(other.headers.keys() - one.headers.keys()):
            yield _change("header-new", Side.RECEIVED, name, place=before, path=header)


def _statuses(
    old: Mapping[str, Answer], new: Mapping[str, Answer]
) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """Pair statuses; one that a range or the default of the newer document holds is no new one."""
    pairs, gone = [], []
    for status in old:
        held = next((key for key in (status, f"{status[0]}XX", f"{status[0]}xx", "default") if key in new), None)
        if held is None:
            gone.append(status)
        else:
            pairs.append((status, held))
    taken = {after for _, after in pairs}
    came = [each for each in new if each not in taken and (each not in old)]
    succeeded = [each for each in gone if _is_success(each)]
    succeeding = [each for each in came if _is_success(each)]
    if len(succeeded) == 1 and len(succeeding) == 1 and not any(_is_success(before) for before, _ in pairs):
        pairs.append((succeeded[0], succeeding[0]))
        gone.remove(succeeded[0])
        came.remove(succeeding[0])
    return pairs, gone, came


def _is_success(status: str) -> bool:
    return status[:1] in ("2", "3")


def _as_sent(name: str, place: str, each: FieldChange) -> Iterator[Change]:
    if each.what == "gone":
        rule = "sent-field-refused" if each.closed else "sent-field-gone"
    elif each.what == "new" and each.required:
        rule = "sent-required-new"
    else:
        rule = _SENT[each.what]
    yield _from_field(rule, Side.SENT, name, place, each)


def _as_received(name: str, place: str, each: FieldChange) -> Iterator[Change]:
    if each.what == "gone":
        rule = "received-required-gone" if each.required else "received-optional-gone"
    else:
        rule = _RECEIVED[each.what]
    yield _from_field(rule, Side.RECEIVED, name, place, each)


def _from_field(rule: str, side: Side, name: str, place: str, each: FieldChange) -> Change:
    made = _change(rule, side, name, place=place, path=each.path, old=each.old, new=each.new)
    return replace(made, undecided=not each.decided, beneath=each.beneath)


def _of_types(old: Mapping[str, Shape], new: Mapping[str, Shape]) -> Iterator[Change]:
    """Give what changed of named types that no operation uses: sent or received, whichever is worse."""
    for name in sorted(old.keys() - new.keys()):
        yield _change("type-gone", Side.OPERATION, name)
    for name in sorted(new.keys() - old.keys()):
        yield _change("type-new", Side.OPERATION, name)
    for name in sorted(old.keys() & new.keys()):
        for each in changes(old[name].fields, new[name].fields):
            both = [*_as_sent(name, "type", each), *_as_received(name, "type", each)]
            yield min(both, key=lambda change: change.severity.rank)
