"""What live answers of one operation and status are learned to be: counts by place, without judging any of them.

A memory is plain JSON, so that the store keeps it as it is. Everything in it is a count, an instant in microseconds, a
type's name, or a code; several processes add to it one after the other. It is bounded: places, codes and departures
that are more than it holds are not watched, and `cut` says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assay.contracts.model import Deviation, Field, Problem
from assay.contracts.watch_answer import MOST_PLACES, Body, Place, path_of
from assay.contracts.watch_header import Notice
from assay.store.schema import us

FORMAT = 1
WINDOW = 100
"""Of so many of its last values a place remembers which were null."""
CALM = 20
"""A departure is over when so many answers came without it."""
MOST_CODES = 12
_MOST_DEPARTURES, _MOST_VALUES, _LONGEST = 200, 10, 160
_MASK = (1 << WINDOW) - 1

Memory = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One answer as it is learned. body: None where it could not be read. documented: what a document says of paths."""

    at: datetime
    body: Body | None
    deviations: Sequence[Deviation] = ()
    notices: Sequence[Notice] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    documented: Mapping[str, Field] = field(default_factory=dict)


def learn(memory: Memory, sighting: Sighting) -> Memory:
    """Add one answer to a memory, which is changed, and return it; one of another format is begun anew."""
    if memory.get("format") != FORMAT:
        memory = {"format": FORMAT, "answers": 0, "first": us(sighting.at), "places": {}, "departures": {}}
        memory |= {"notices": {}, "versions": {}, "accepted": [], "cut": False}
    memory["answers"] += 1
    memory["last"] = us(sighting.at)
    if sighting.body is not None:
        _learn_body(memory, sighting.body, sighting)
    for deviation in sighting.deviations:
        _depart(memory, deviation, us(sighting.at))
    for notice in sighting.notices:
        _notice(memory, notice, us(sighting.at))
    for header, value in sighting.versions.items():
        values = memory["versions"].setdefault(header[:80], {})
        _tally(values, value[:80], memory["answers"], us(sighting.at), known=False, most=_MOST_VALUES)
    return memory


def accept(memory: Memory, path: str) -> bool:
    """Take what is at a path as the new normal: it is learned anew, and departures there are no alarm; whether any was.

    path: of a place, or the name of a header.
    """
    found = False
    for container, kept in memory.get("places", {}).items():
        for member in [name for name in kept["members"] if path_of(container, name) == path]:
            stat = kept["members"].pop(member)
            if not stat["run"]:  # it is there, and no news when it comes again
                kept["members"][member] = {**_first(0, memory["last"]), "n": 0}
            found = True
    for key, each in memory.get("departures", {}).items():
        if each["path"] == path and key not in memory["accepted"]:
            memory["accepted"].append(key)
            found = True
    for key, each in memory.get("notices", {}).items():
        told = f"{key}={each['value']}"  # another date is another warning
        if each["header"] == path.lower() and told not in memory["accepted"]:
            memory["accepted"].append(told)
            found = True
    for value in memory.get("versions", {}).get(path.lower(), {}).values():
        value[1] = 0
        found = True
    return found


def paths_of(memory: Memory) -> list[str]:
    """Return every path and header a memory knows."""
    places = [
        path_of(container, name) for container, kept in memory.get("places", {}).items() for name in kept["members"]
    ]
    departed = [each["path"] for each in memory.get("departures", {}).values()]
    headers = [each["header"] for each in memory.get("notices", {}).values()]
    return list(dict.fromkeys([*places, *departed, *headers, *memory.get("versions", {})]))


def _learn_body(memory: Memory, body: Body, sighting: Sighting) -> None:
    memory["cut"] = memory["cut"] or body.cut
    places = memory["places"]
    room = MOST_PLACES - sum(len(kept["members"]) for kept in places.values())
    at = us(sighting.at)
    for container, members in body.containers.items():
        kept = places.setdefault(container, {"n": 0, "members": {}})
        kept["n"] += 1
        known = kept["members"]
        for name, stat in known.items():
            stat["n"] += 1
            if name not in members:
                stat["run"] += 1
        for name, place in members.items():
            path = path_of(container, name)
            if name not in known:
                if room <= 0:
                    memory["cut"] = True
                    continue
                room -= 1
                # What a document tells of is no news when it first comes.
                came = 0 if path in sighting.documented else kept["n"]
                known[name] = _first(came, at)
            _present(known[name], place, at, sighting.documented.get(path))


def _first(came: int, at: int) -> dict[str, Any]:
    return {
        "came": came, "n": 1, "k": 0, "run": 0, "gap": 0, "nulls": 0, "window": "0", "types": {}, "codes": {},
        "first": at, "last": at,
    }  # fmt: skip


def _present(stat: dict[str, Any], place: Place, at: int, documented: Field | None) -> None:
    stat["k"] += 1
    stat["gap"], stat["run"] = max(stat["gap"], stat["run"]), 0
    stat["last"] = at
    stat["nulls"] += place.null
    stat["window"] = f"{(int(stat['window'], 16) << 1 | place.null) & _MASK:x}"
    for kind in place.types:
        known = documented is not None and _is_documented(kind, documented)
        _tally(stat["types"], kind, stat["k"], at, known=known, most=_MOST_VALUES)
    if "string" not in place.types or stat["codes"] is None:
        return
    if place.codes is None:
        stat["codes"] = None  # once it held what is no code, it holds no codes
        return
    for code in place.codes:
        known = documented is not None and code in (documented.enum or ())
        if not _tally(stat["codes"], code, stat["k"], at, known=known, most=MOST_CODES):
            stat["codes"] = None
            return


def _is_documented(kind: str, documented: Field) -> bool:
    return not documented.types or kind in documented.types or (kind == "number" and "integer" in documented.types)


def _tally(values: dict[str, list[int]], value: str, number: int, at: int, *, known: bool, most: int) -> bool:
    """Count a value: [count, the number of the first, of the last, when it came]; False where there are too many."""
    kept = values.get(value)
    if kept is None:
        if len(values) >= most:
            return False
        values[value] = [1, 0 if known else number, number, at]
        return True
    kept[0] += 1
    kept[2] = number
    return True


def _depart(memory: Memory, deviation: Deviation, at: int) -> None:
    what = deviation.seen if deviation.problem is Problem.CONTENT_TYPE else deviation.path
    key = f"{deviation.problem}|{what}"[:400]
    kept = memory["departures"].get(key)
    if kept is None:
        if len(memory["departures"]) >= _MOST_DEPARTURES:
            memory["cut"] = True
            return
        memory["departures"][key] = kept = {
            "problem": deviation.problem.value, "path": deviation.path, "count": 0, "first": at,
        }  # fmt: skip
    elif memory["answers"] - kept["number"] > CALM:  # it was over, and begins again
        kept |= {"first": at, "count": 0}
    kept["count"] += 1
    kept |= {"last": at, "number": memory["answers"]}
    kept |= {"expected": deviation.expected[:_LONGEST], "seen": deviation.seen[:_LONGEST]}


def _notice(memory: Memory, notice: Notice, at: int) -> None:
    key = f"{notice.kind}|{notice.header}"
    kept = memory["notices"].get(key)
    if kept is None or kept["value"] != notice.value:
        if kept is None and len(memory["notices"]) >= _MOST_VALUES:
            return
        kept = {"kind": notice.kind, "header": notice.header, "value": notice.value, "first": at, "count": 0}
        memory["notices"][key] = kept
    kept |= {"last": at, "number": memory["answers"], "count": kept["count"] + 1, "doubt": notice.doubt}
    kept["date"] = None if notice.date is None else us(notice.date)
