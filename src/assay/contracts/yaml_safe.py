"""Parses YAML that others wrote, as JSON's data: timestamps stay text, keys are text, a bomb is refused unexploded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

import yaml

_LEAST_NODES = 2_000_000  # a document may have so many in any case; stripe's, the largest we know, has 0.4 million
_TIMES = 30  # else aliases may make it so many times larger than what is written
_OPENINGS = 400  # a nesting that no document has; libyaml's composer breaks the whole process at some ten thousand
_ANCHOR = re.compile(rb"(?:^|[\s,:\[{])&[\w-]", re.MULTILINE)
_BRACKET = re.compile(rb"[\[\]{}]")
_DEEP = re.compile(rb"^(?: {2000}|(?:[ \t]*[-?:] ){400})", re.MULTILINE)


class UnreadableYaml(ValueError):
    """YAML that cannot or may not be read. line: where, 0 where nothing says. at_end: it is cut short there."""

    def __init__(self, reason: str, line: int = 0, *, at_end: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.at_end = at_end


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML by the rules of JSON: `NO` is no boolean, `2024-01-01` no date, `007` no number, `200:` a text."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[Any]]] = {}

    def __init__(self, stream: bytes) -> None:
        super().__init__(stream)
        self.repeated: list[tuple[int, str]] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise yaml.constructor.ConstructorError(None, None, "a mapping is expected", node.start_mark)
        own = len({id(key) for key, _ in node.value})
        self.flatten_mapping(node)
        merged = own != len(node.value)
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key.start_mark)
            if key.value in found and not merged:
                self.repeated.append((key.start_mark.line + 1, key.value))
            found[key.value] = self.construct_object(value, deep=deep)
        return found


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^-?(?:0|[1-9][0-9]*)$", "-0123456789"),
    ("float", r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)$", "-0123456789"),
    ("merge", r"^<<$", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def parse(content: bytes) -> tuple[Any, Sequence[tuple[int, str]]]:
    """Return what a YAML text holds, as JSON would hold it, and the lines of keys that stand twice (the last counts).

    Raises UnreadableYaml: no YAML, several documents in one file, nested too deep, an alias that holds itself, or
    aliases that would make it many times larger than it is written.
    """
    _refuse_depth(content)
    try:
        loader = _Loader(content)
    except (yaml.reader.ReaderError, UnicodeDecodeError) as problem:
        raise UnreadableYaml(f"holds a character that no text has: {problem}".splitlines()[0]) from None
    try:
        node = loader.get_single_node()
        if node is None:
            return None, ()
        if _ANCHOR.search(content):
            _refuse_bomb(node)
        return loader.construct_document(node), loader.repeated
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        reason = " ".join(filter(None, (problem.context, problem.problem)))
        line = mark.line + 1 if mark else 0
        raise UnreadableYaml(reason, line, at_end="end of stream" in reason or "stream end" in reason) from None
    except UnreadableYaml:
        raise
    except (yaml.YAMLError, ValueError) as problem:
        raise UnreadableYaml(str(problem).splitlines()[0]) from None
    finally:
        loader.dispose()


def _refuse_depth(content: bytes) -> None:
    match = _DEEP.search(content)
    if match:
        raise UnreadableYaml("is nested deeper than any document", content.count(b"\n", 0, match.start()) + 1)
    if content.count(b"[") + content.count(b"{") <= _OPENINGS:
        return
    depth = 0
    for match in _BRACKET.finditer(content):
        depth = depth + 1 if match[0] in b"[{" else max(depth - 1, 0)
        # Texts may open brackets that they never close; a file of texts alone does so some hundred times.
        if depth > 8 * _OPENINGS:
            raise UnreadableYaml("is nested deeper than any document", content.count(b"\n", 0, match.start()) + 1)


def _refuse_bomb(root: yaml.Node) -> None:
    """Refuse aliases that hold themselves, or that together stand for far more than is written."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()
    stack: list[tuple[yaml.Node, bool]] = [(root, False)]
    while stack:
        node, left = stack.pop()
        children = _children(node)
        if left:
            open_nodes.discard(id(node))
            sizes[id(node)] = 1 + sum(sizes[id(each)] for each in children)
        elif id(node) in open_nodes:
            raise UnreadableYaml("holds an alias of itself (circular)", node.start_mark.line + 1)
        elif id(node) not in sizes:
            if not children:
                sizes[id(node)] = 1
                continue
            open_nodes.add(id(node))
            stack.append((node, True))
            stack += ((each, False) for each in children if id(each) not in sizes or id(each) in open_nodes)
    whole = sizes[id(root)]
    if whole > max(_LEAST_NODES, _TIMES * len(sizes)):
        raise UnreadableYaml(f"is a bomb: its aliases make {len(sizes):,} values {whole:,}")


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [each for pair in node.value for each in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
