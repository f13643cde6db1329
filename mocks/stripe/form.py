"""Reads Stripe's form encoding (``a[b]=1``, ``a[]=2``) and checks every parameter against what an operation accepts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mocks.stripe.error import Problem, invalid

Kind = Callable[[Any, str], Any]
Accepts = Mapping[str, Kind]

_PART = re.compile(r"\[([^\[\]]*)\]")
_INTEGER = re.compile(r"-?[0-9]{1,16}\Z")
_DEEPEST = 10
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")


def tree_of(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return nested dicts of strings; elements of arrays are keyed by their position. Raises `Problem`."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        if "[" not in name:
            _place(tree, name, value, name)
            continue
        match = _NAME.match(name)
        if match is None:
            raise unknown([name])
        *path, last = [match[1], *_PART.findall(match[2])]
        if len(path) > _DEEPEST:
            raise invalid(f"Parameters can be nested {_DEEPEST} levels deep.", match[1])
        node = tree
        for part in path:
            child = node.setdefault(part or str(len(node)), {})
            if not isinstance(child, dict):
                raise invalid(f"Expected an object, got a string, for '{part}'.", match[1])
            node = child
        _place(node, last or str(len(node)), value, name)
    return tree


def _place(node: dict[str, Any], name: str, value: str, param: str) -> None:
    if isinstance(node.get(name), dict):
        raise invalid(f"Expected an object, got a string, for '{name}'.", param)
    node[name] = value


def unknown(names: list[str]) -> Problem:
    """Refuse parameters the operation does not have."""
    plural = "s" if len(names) > 1 else ""
    return invalid(f"Received unknown parameter{plural}: {', '.join(names)}", names[0], "parameter_unknown")


def read(tree: Mapping[str, Any], accepts: Accepts, within: str = "") -> dict[str, Any]:
    """Return the parameters with their types. An empty string means *unset* and is read as None. Raises `Problem`."""
    strangers = [_param(within, name) for name in tree if name not in accepts]
    if strangers:
        raise unknown(strangers)
    return {name: accepts[name](value, _param(within, name)) for name, value in tree.items()}


def _param(within: str, name: str) -> str:
    return f"{within}[{name}]" if within else name


def require(parameters: Mapping[str, Any], *names: str) -> None:
    """Refuse when one of these is absent or empty."""
    for name in names:
        if parameters.get(name) is None:
            code = "parameter_invalid_empty" if name in parameters else "parameter_missing"
            raise invalid(f"Missing required param: {name}.", name, code)


def text(value: Any, param: str) -> str | None:
    """Read a string of any length Stripe keeps (5,000 characters)."""
    return _text(value, param, 5_000)


def short(limit: int) -> Kind:
    """Return the reader of a string with at most `limit` characters."""
    return lambda value, param: _text(value, param, limit)


def _text(value: Any, param: str, limit: int) -> str | None:
    if not isinstance(value, str):
        raise invalid("Invalid string: an object was given.", param)
    if len(value) > limit:
        raise invalid(f"Invalid string: {value[:10]}...; must be at most {limit} characters", param)
    return value or None


def integer(value: Any, param: str) -> int:
    """Read a whole number in ASCII digits."""
    if value == "":
        raise invalid(
            f"An empty string was given for '{param}', which cannot be unset.", param, "parameter_invalid_empty"
        )
    if not isinstance(value, str) or not _INTEGER.match(value):
        raise invalid(f"Invalid integer: {str(value)[:40]}", param, "parameter_invalid_integer")
    return int(value)


def boolean(value: Any, param: str) -> bool:
    """Read true or false."""
    if value not in ("true", "false"):
        raise invalid(f"Invalid boolean: {str(value)[:40]}", param)
    return bool(value == "true")


def one_of(*choices: str) -> Kind:
    """Return the reader of one of these words; the empty word unsets."""

    def kind(value: Any, param: str) -> str | None:
        if value == "":
            return None
        if value not in choices:
            listed = choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"
            raise invalid(f"Invalid {param}: must be one of {listed}", param)
        return str(value)

    return kind


def array(element: Kind = text) -> Kind:
    """Return the reader of an array."""

    def kind(value: Any, param: str) -> list[Any]:
        if value == "":
            return []
        if not isinstance(value, dict) or not all(key.isdecimal() for key in value):
            raise invalid("Invalid array", param)
        return [element(item, f"{param}[{key}]") for key, item in value.items()]

    return kind


def object_of(accepts: Accepts, *, required: tuple[str, ...] = (), unset: bool = True) -> Kind:
    """Return the reader of a nested object that must have what is required; the empty string may unset it."""

    def kind(value: Any, param: str) -> dict[str, Any] | None:
        if value == "" and unset:
            return None
        if not isinstance(value, dict):
            raise invalid("Invalid object", param)
        found = read(value, accepts, param)
        for name in required:
            if found.get(name) is None:
                raise invalid(f"Missing required param: {param}[{name}].", f"{param}[{name}]", "parameter_missing")
        return found

    return kind


def anything(value: Any, _param: str) -> Any:
    """Take a parameter that changes nothing here without looking into it."""
    return value


def either(first: Kind, second: Kind) -> Kind:
    """Return the reader of one of two kinds: the second is tried for objects, the first for strings."""
    return lambda value, param: second(value, param) if isinstance(value, dict) else first(value, param)


def metadata(value: Any, param: str) -> dict[str, str]:
    """Read metadata: at most 50 keys of 40 characters, values of 500; an empty value removes its key."""
    if value == "":
        return {"": ""}
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise invalid("Invalid metadata: metadata must be a set of key-value pairs of strings", param)
    if len(value) > 50:
        raise invalid(f"Metadata can have up to 50 keys, {len(value)} were given.", param)
    for name, item in value.items():
        if len(name) > 40:
            raise invalid(f"Metadata keys can have up to 40 characters, '{name[:40]}...' is longer.", param)
        if len(item) > 500:
            raise invalid(f"Metadata values can have up to 500 characters, '{name}' is longer.", f"{param}[{name}]")
    return dict(value)


def merged_metadata(old: Mapping[str, str], change: Mapping[str, str] | None) -> dict[str, str]:
    """Return the metadata after an update; ``{"": ""}`` (metadata sent as the empty string) removes all."""
    if change is None:
        return dict(old)
    if change == {"": ""}:
        return {}
    return {name: value for name, value in {**old, **change}.items() if value != ""}
