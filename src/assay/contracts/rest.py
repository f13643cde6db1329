"""What the documents of HTTP APIs have in common: references to parts, base paths, content types, security, faults."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from assay.contracts.forms import MULTIPART, URLENCODED
from assay.contracts.json_normal import Definitions
from assay.contracts.json_shape import JSON, JsonShape
from assay.contracts.model import Document, Fault, Operation, Parameter, Shape
from assay.contracts.pointer import escaped

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
PLACES = ("path", "query", "header", "cookie")
_JSON_MEDIA = re.compile(
    r"(?:application|text)/(?:[\w.+-]*\+)?json|\*/\*|application/\*|application/(?:hal|problem)\+json"
)
_STATUS = re.compile(r"[1-5](?:\d\d|XX|xx)|default")
_MOST_HOPS = 20
Place = tuple[Any, str, str]  # a part of the document, where it stands, and the address of the file it stands in


class Reading:
    """One document while it is read: resolves its parts, notes its faults and keeps one shape for each schema."""

    def __init__(self, content: Mapping[str, Any], *, source: str, fetch: Callable[[str], bytes] | None) -> None:
        self.content = content
        self._source = source
        self.definitions = Definitions(content, address=source, fetch=fetch)
        self._shapes: dict[tuple[object, str, bool], JsonShape] = {}

    def fault(self, where: str, problem: str) -> None:
        """Note something wrong; reading goes on."""
        self.definitions.fault(where, problem)

    def part(self, found: Any, where: str, base: str = "") -> tuple[Mapping[str, Any], str]:
        """Return a part of the document, references followed, and the file it stands in; an empty one where broken."""
        for _ in range(_MOST_HOPS):
            if not isinstance(found, Mapping):
                self.fault(where, f"an object is expected, this is {type(found).__name__}")
                return {}, base
            if not isinstance(found.get("$ref"), str):
                return found, base
            reference = found["$ref"]
            try:
                found, name = self.definitions.resolve(reference, base)
            except KeyError as trouble:
                self.fault(where, str(trouble.args[0]))
                return {}, base
            base = name.partition("#")[0]
        self.fault(where, "refers to itself")
        return {}, base

    def parts(self, found: Any, where: str) -> Iterator[tuple[str, Any]]:
        """Yield the names and values of an object of the document; none where it is no object."""
        if isinstance(found, Mapping):
            yield from ((str(name), each) for name, each in found.items())
        elif found is not None:
            self.fault(where, f"an object is expected, this is {type(found).__name__}")

    def listed(self, found: Any, where: str) -> Sequence[Any]:
        """Return a list of the document; an empty one where it is none."""
        if found is not None and not isinstance(found, list):
            self.fault(where, f"a list is expected, this is {type(found).__name__}")
        return found if isinstance(found, list) else ()

    def shape(self, schema: Any, where: str, base: str, *, media: str = JSON, request: bool) -> JsonShape:
        """Return the shape of a schema; the same one for the same schema, so that it is compiled once."""
        alone = isinstance(schema, Mapping) and len(schema) == 1 and isinstance(schema.get("$ref"), str)
        key = (base, schema["$ref"]) if alone else id(schema), media, request
        if key not in self._shapes:
            self._shapes[key] = JsonShape(
                schema, self.definitions, media=media, request=request, where=where, base=base
            )  # fmt: skip
        return self._shapes[key]

    def body(self, media: str, schema: Any, where: str, base: str, *, request: bool) -> Shape | None:
        """Return what a body of a content type must be; None where nothing but its type can be judged."""
        if media in (URLENCODED, MULTIPART):
            return self.shape(schema, where, base, media=media, request=request)
        if _JSON_MEDIA.fullmatch(media):
            return self.shape(schema, where, base, request=request)
        return None

    def statuses(self, found: Any, where: str) -> Iterator[tuple[str, Any]]:
        """Yield the documented statuses; one that is none is a fault."""
        if not found:
            self.fault(where, "no answer is documented")
        for status, each in self.parts(found, where):
            if _STATUS.fullmatch(status):
                yield status.replace("x", "X") if status != "default" else status, each
            elif not status.startswith("x-"):
                self.fault(f"{where}/{escaped(status)}", "this is no status: 200, 4XX or default")

    def document(
        self,
        form: str,
        operations: Iterable[Operation],
        *,
        about: Any,
        schemas: str,
        where: str = "#/paths",
        kind: str = "operation",
    ) -> Document:
        """Return the document of these operations, with all its faults; that there are none is one, too.

        about: the part that holds title and version. schemas: the place of the named ones. where and kind: what is
        missing where there are no operations.
        """
        found = _unique(list(operations), self)
        if not found:
            self.fault(where, f"no {kind} is documented")
        said, _ = self.part(about, "#/info")
        shapes = self.unused(within(self.content, *schemas.split("/")[1:]), schemas)
        return Document(
            source=self._source,
            format=form,
            title=str(said.get("title", "")),
            version=str(said.get("version", "")),
            operations=found,
            faults=self.faults_of_shapes(),
            shapes=shapes,
        )

    def faults_of_shapes(self) -> tuple[Fault, ...]:
        """Return all faults, those in schemas too: each schema is read for it."""
        for shape in list(self._shapes.values()):
            self.definitions.reach(shape.node)
        return self.definitions.faults

    def unused(self, schemas: Any, prefix: str) -> dict[str, Shape]:
        """Return the named schemas that no operation leads to; call it when all operations were read."""
        used = set[str]()
        for shape in list(self._shapes.values()):
            used |= self.definitions.reach(shape.node)
        return {
            name: self.shape({"$ref": f"{prefix}/{escaped(name)}"}, f"{prefix}/{escaped(name)}", "", request=False)
            for name, _ in self.parts(schemas, prefix)
            if f"{prefix}/{escaped(name)}" not in used
        }


def within(content: Any, *names: str) -> Any:
    """Return what stands under these names, one within the other; None where nothing does."""
    for name in names:
        content = content.get(name) if isinstance(content, Mapping) else None
    return content


def path_on_the_wire(path: str, base: str) -> str:
    """Return the path of an operation below its server's own; some vendors' paths hold that already."""
    path = "/" + path.partition("?")[0].partition("#")[0].lstrip("/")
    base = "/" + base.strip("/") if base.strip("/") else ""
    if base and (path == base or path.startswith(f"{base}/")):
        return path
    return f"{base}{path}" if path != "/" or not base else f"{base}/"


def base_and_hosts(addresses: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return the base path of the first address, and the hosts of all; a host with a variable may be any."""
    base, hosts = "", list[str]()
    for place, address in enumerate(addresses):
        try:
            parts = urlsplit(address)
        except ValueError:
            continue
        if place == 0:
            base = unquote(parts.path)
        hosts.append(parts.netloc.rpartition("@")[2])
    return base, () if any("{" in each or not each for each in hosts) else tuple(dict.fromkeys(hosts))


def auth_text(kind: Mapping[str, Any], scopes: Sequence[Any]) -> str:
    """Return one security scheme in words: `http bearer`, `apiKey header X-API-Key`, `oauth2 read write`."""
    what = str(kind.get("type", "unknown"))
    if what == "http":
        return f"http {str(kind.get('scheme', '')).lower()}".strip()
    if what == "basic":
        return "http basic"
    if what == "apiKey":
        return f"apiKey {kind.get('in', '')} {kind.get('name', '')}".strip()
    return " ".join((what, *sorted(map(str, scopes)))) if what == "oauth2" else what


def auth_of(reading: Reading, security: Any, schemes: Any, where: str) -> tuple[str, ...]:
    """Return each way a caller may prove who it is: one text a requirement, '' for none at all."""
    found = set[str]()
    for requirement in reading.listed(security, where):
        texts = []
        for name, scopes in reading.parts(requirement, where):
            scheme = schemes.get(name) if isinstance(schemes, Mapping) else None
            if scheme is None:
                reading.fault(where, f"there is no security scheme {name!r}")
                texts.append(name)
                continue
            kind, _ = reading.part(scheme, where)
            texts.append(auth_text(kind, scopes if isinstance(scopes, list) else ()))
        found.add(" + ".join(sorted(texts)))
    return tuple(sorted(found))


def _unique(operations: Sequence[Operation], reading: Reading) -> tuple[Operation, ...]:
    """Return the operations without those that method and path have twice; the second is a fault."""
    kept: dict[str, Operation] = {}
    for each in operations:
        if each.name in kept:
            reading.fault(f"#/paths ({each.name})", "this method and path are documented twice; the first is used")
        else:
            kept[each.name] = each
    return tuple(kept.values())


def check_path_parameters(reading: Reading, where: str, path: str, parameters: Sequence[Parameter]) -> None:
    """Note where the braces of a path and its documented parameters differ."""
    inside = set(re.findall(r"\{([^{}]*)\}", path))
    said = {each.name for each in parameters if each.place == "path"}
    for name in sorted(inside - said):
        reading.fault(where, f"the path holds {{{name}}}, and no parameter says what it is")
    for name in sorted(said - inside):
        reading.fault(where, f"there is a parameter {name!r} of the path, and the path does not hold it")
