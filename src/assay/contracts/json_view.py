"""Says what a JSON schema holds at each path, whatever it is put together from."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.contracts.json_normal import Definitions, Schema
from assay.contracts.model import Field

TYPES = frozenset({"null", "boolean", "object", "array", "number", "integer", "string"})
_LIMITS = (
    "minLength", "maxLength", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "minItems", "maxItems", "minProperties", "maxProperties",
)  # fmt: skip
_OF_OBJECTS = ("properties", "required", "additionalProperties", "patternProperties")
_MOST_PATHS = 5000
_NULL = frozenset({"null"})


@dataclass(slots=True)
class View:
    """All that schemas say of one value: what every one of them asks, and what its alternatives allow together.

    types: None where any is allowed. enum: None where any value is. members: the schemas of each member; required: what
    is required whatever the alternative, sometimes: in some of them only. more: the schemas of members not listed;
    closed: none is allowed. names: the definitions it came from.
    """

    types: frozenset[str] | None = None
    enum: tuple[Any, ...] | None = None
    members: dict[str, list[Schema]] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    sometimes: frozenset[str] = frozenset()
    items: list[Schema] = field(default_factory=list)
    more: list[Schema] = field(default_factory=list)
    closed: bool = False
    limits: dict[str, str] = field(default_factory=dict)
    marks: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()


def view(definitions: Definitions, node: Schema, *, request: bool = False, _seen: frozenset[str] = frozenset()) -> View:
    """Return what a normalised schema says of the value it is applied to."""
    if node is False:
        return View(types=frozenset())
    made = View()
    if not isinstance(node, dict):
        return made
    parts: list[View] = []
    reference = node.get("$ref")
    if reference is not None and reference not in _seen:
        parts.append(_of_reference(definitions, reference, request, _seen))
    parts += [view(definitions, each, request=request, _seen=_seen) for each in node.get("allOf", ())]
    if "anyOf" in node:
        parts.append(_either([view(definitions, each, request=request, _seen=_seen) for each in node["anyOf"]]))
    conditional = [node.get("then"), node.get("else"), *node.get("dependentSchemas", {}).values()]
    for each in conditional:
        if isinstance(each, dict):
            parts.append(_either([View(), view(definitions, each, request=request, _seen=_seen)]))
    _own(made, node)
    for part in parts:
        _also(made, part)
    made.required = frozenset(each for each in made.required if not _one_way(definitions, made, each, request))
    return made


def _of_reference(definitions: Definitions, name: str, request: bool, seen: frozenset[str]) -> View:
    """Return what a definition says; worked out once, since every type that refers to it asks."""
    known: View | None = definitions.views.get((name, request)) if not seen else None
    if known is None:
        known = view(definitions, definitions.target(name), request=request, _seen=seen | {name})
        known.names |= {name}
        if not seen:
            definitions.views[name, request] = known
    return known


def views(definitions: Definitions, nodes: Sequence[Schema], *, request: bool = False) -> View:
    """Return what several schemas allow together, as alternatives; worked out once, wherever a message has them."""
    key = (*map(id, nodes), request)
    known = definitions.together.get(key)
    if known is None:
        made = [view(definitions, each, request=request) for each in nodes]
        # The schemas are kept beside what they say: no other can then have the same identity.
        known = definitions.together[key] = (tuple(nodes), made[0] if len(made) == 1 else _either(made))
    seen: View = known[1]
    return seen


class Fields(Mapping[str, Field]):
    """What a schema says of each path, worked out when asked.

    Any path can be asked for, however deep a type repeats itself. Walked through, a type within itself is shown once;
    where that comes to more than some thousands of paths (documents whose types all refer to each other), each type is
    shown at the first place only.
    """

    def __init__(self, definitions: Definitions, schema: Schema, *, request: bool = False) -> None:
        self._definitions = definitions
        self._schema = schema
        self._request = request
        self._known: dict[str, Field | None] = {}
        self._paths: list[str] | None = None

    def __getitem__(self, path: str) -> Field:
        if path not in self._known:
            self._known[path] = self._look_up(path)
        found = self._known[path]
        if found is None:
            raise KeyError(path)
        return found

    def __iter__(self) -> Iterator[str]:
        if self._paths is None:
            self._paths = self._walk(_MOST_PATHS) or self._walk(None) or [""]
        return iter(self._paths)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _view(self, nodes: Sequence[Schema]) -> View:
        return views(self._definitions, nodes, request=self._request)

    def _look_up(self, path: str) -> Field | None:
        here, name, parent = self._view([self._schema]), "", None
        rest = path
        while rest:
            children = _children(here)
            # A member's own name may hold a dot: the longest that is listed comes first.
            step = max((each for each in children if _leads(rest, each)), key=len, default=None)
            if step is None:
                return None
            rest = rest[len(step) :].removeprefix(".")
            parent, name, here = here, step, self._view(children[step])
        return _field(here, parent, name)

    def _walk(self, most: int | None) -> list[str]:
        """Return the paths, breadth first; none where they are more than `most`."""
        found: list[str] = []
        shown: set[str] = set()
        todo: deque[tuple[str, Sequence[Schema], View | None, str, frozenset[str]]] = deque()
        todo.append(("", [self._schema], None, "", frozenset()))
        while todo:
            path, nodes, parent, name, above = todo.popleft()
            here = self._view(nodes)
            self._known.setdefault(path, _field(here, parent, name))
            found.append(path)
            if most is not None and len(found) > most:
                return []
            known = here.names & (above if most is not None else shown)
            shown |= here.names
            if known:
                continue
            for step, below in _children(here).items():
                deeper = step if not path else f"{path}{step}" if step == "[]" else f"{path}.{step}"
                todo.append((deeper, below, here, step, above | here.names))
        return found


def _leads(rest: str, step: str) -> bool:
    if not rest.startswith(step):
        return False
    return len(rest) == len(step) or rest[len(step)] == "." or rest.startswith("[]", len(step))


def _children(here: View) -> dict[str, list[Schema]]:
    """Return the schemas of what lies directly below, by the step of a path that leads there."""
    children = dict(here.members)
    if here.items:
        children["[]"] = here.items
    if here.more:
        children["{}"] = here.more
    return children


def _field(here: View, parent: View | None, name: str) -> Field:
    return Field(
        types=here.types or frozenset(),
        required=parent is not None and name in parent.required,
        decided=parent is None or name in parent.required or name not in parent.sometimes,
        enum=None if here.enum is None else frozenset(text(each) for each in here.enum if each is not None),
        closed=here.closed,
        deprecated="deprecated" in here.marks,
        limits=tuple(sorted(here.limits.items())),
    )


def text(value: Any) -> str:
    """Return a value of a schema as text: strings as they are, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _own(made: View, node: dict[str, Any]) -> None:
    """Put into a view what a schema says itself."""
    if "type" in node:
        made.types = frozenset([node["type"]] if isinstance(node["type"], str) else node["type"])
    if "enum" in node:
        made.enum = tuple(node["enum"])
    if "const" in node:
        made.enum = (node["const"],)
    if made.types is None and made.enum is not None:
        made.types = frozenset(_type_of(each) for each in made.enum)
    elif made.types is None and any(key in node for key in _OF_OBJECTS):
        made.types = frozenset({"object"})
    elif made.types is None and "items" in node:
        made.types = frozenset({"array"})
    made.members = {name: [each] for name, each in node.get("properties", {}).items()}
    made.required = frozenset(node.get("required", ()))
    made.items = [each for each in (*node.get("prefixItems", ()), node.get("items")) if isinstance(each, dict)]
    made.more = [each for each in node.get("patternProperties", {}).values() if each is not False]
    for key in ("additionalProperties", "unevaluatedProperties"):
        if isinstance(node.get(key), dict) or node.get(key) is True:
            made.more.append(node[key])
        made.closed = made.closed or node.get(key) is False
    made.limits = {key: str(node[key]) for key in _LIMITS if key in node}
    if "default" in node:
        made.limits["default"] = json.dumps(node["default"])
    made.marks = frozenset(key for key in ("deprecated", "readOnly", "writeOnly") if node.get(key))


def _also(made: View, part: View) -> None:
    """Let a view hold what another schema of the same value asks, too."""
    made.types = _common(made.types, part.types)
    if part.enum is not None:
        made.enum = part.enum if made.enum is None else tuple(each for each in made.enum if each in part.enum)
    for name, nodes in part.members.items():
        mine = made.members.get(name)
        made.members[name] = nodes if mine is None else [{"allOf": [{"anyOf": mine}, {"anyOf": nodes}]}]
    made.required |= part.required
    made.sometimes = (made.sometimes | part.sometimes) - made.required
    made.items = made.items + part.items
    made.more = made.more + part.more
    made.closed = made.closed or part.closed
    made.limits = part.limits | made.limits
    made.marks |= part.marks
    made.names |= part.names


def _either(parts: Sequence[View]) -> View:
    """Return what alternatives allow together; what only some of them ask is asked sometimes."""
    made = View()
    if not parts:
        return made
    known = [each.types for each in parts if each.types is not None]
    made.types = frozenset().union(*known) if len(known) == len(parts) else None
    fixed = [each.enum for each in parts if each.types != _NULL or each.enum is not None]
    if fixed and all(each is not None for each in fixed):
        made.enum = tuple(value for each in fixed if each is not None for value in each)
    for part in parts:
        for name, nodes in part.members.items():
            made.members[name] = made.members.get(name, []) + nodes
        made.items = made.items + part.items
        made.more = made.more + part.more
        made.names |= part.names
    objects = [each for each in parts if each.types is None or "object" in each.types]
    if objects:
        made.required = frozenset.intersection(*(each.required for each in objects))
        asked = frozenset().union(*(each.required | each.sometimes for each in objects))
        made.sometimes = asked - made.required
        made.closed = all(each.closed for each in objects)
    said = [each for each in parts if each.types != _NULL]
    if len(said) == 1:
        made.limits = dict(said[0].limits)
        made.marks = said[0].marks
    return made


def _common(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return one if other is None else other
    common = one & other
    if ("number" in one and "integer" in other) or ("integer" in one and "number" in other):
        common |= {"integer"}
    return common


def _one_way(definitions: Definitions, here: View, name: str, request: bool) -> bool:
    """Return whether a member goes only the other way than the message does."""
    mark = "readOnly" if request else "writeOnly"
    for node in here.members.get(name, ()):
        target = definitions.target(node["$ref"]) if isinstance(node, dict) and "$ref" in node else None
        if any(isinstance(each, dict) and each.get(mark) for each in (node, target)):
            return True
    return False


def _type_of(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    kinds: tuple[tuple[Any, str], ...] = ((str, "string"), (int, "integer"), (float, "number"), (list, "array"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "object")
