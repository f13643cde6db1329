"""Reads a shop's OpenAPI document and proposes which operation places an order, reads one, and lists them, with why."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from assay.errors import UsageError
from assay.onboarding.shape import Shape, shape_of
from assay.onboarding.vendor import shipped_vendors

METHODS = ("get", "post", "put", "patch")
_ORDER = frozenset({"order", "orders", "bestellung", "bestellungen", "commande", "commandes", "purchase", "purchases"})
_BUY = _ORDER | {"checkout", "checkouts", "place", "submit", "buy"}
_CREATES = frozenset({"create", "place", "submit", "add", "new", "post", "checkout", "buy"})
_ASIDE = frozenset(
    {"refund", "refunds", "return", "returns", "cancel", "cancellation", "label", "labels", "edit", "message",
     "messages", "webhook", "webhooks", "capture", "invoice", "invoices", "note", "notes", "search", "draft", "admin",
     "event", "events", "shipment", "shipments", "line", "lines", "item", "items", "release", "paid", "count"}
)  # fmt: skip
_SPAN = frozenset(
    {"since", "until", "from", "to", "after", "before", "created", "placed", "start", "end", "min", "max"}
)
_ANYWHERE = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of the document."""

    method: str
    path: str
    id: str
    tags: tuple[str, ...]
    raw: Mapping[str, Any]

    @property
    def parts(self) -> list[str]:
        """The segments of its path."""
        return [part for part in self.path.split("/") if part]

    @property
    def parameters(self) -> list[str]:
        """The names of its query parameters."""
        listed = self.raw.get("parameters") or ()
        return [str(each["name"]) for each in listed if isinstance(each, dict) and each.get("in") == "query"]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


@dataclass(frozen=True, slots=True)
class Choice:
    """An operation proposed for one function of the connector, and why; None where nothing fits."""

    function: str
    operation: Operation | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a document comes to: where the shop is, the three operations, and how its words map onto ours."""

    file: str
    title: str
    base_url: str
    place: Choice
    order: Choice
    orders: Choice
    shape: Shape

    @property
    def choices(self) -> tuple[Choice, Choice, Choice]:
        """The three choices in the order in which they are filled in."""
        return self.place, self.order, self.orders


class _Plain(yaml.SafeLoader):
    """Reads what looks like a date as text: examples in documents hold dates that are on no calendar."""


_Plain.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def propose(path: Path) -> Proposal:
    """Read an OpenAPI document (YAML or JSON, 3.x or Swagger 2.0) and propose the operations of a shop.

    `UsageError` for a file that is none, for a vendor's document, and for one in which nobody orders anything.
    """
    document = _read(path)
    _refuse_vendor(document, path)
    operations = list(_operations(document, path))
    place = _best("place", operations, _places)
    order = _best("order", operations, _reads)
    orders = _best("orders", operations, _lists)
    if place.operation is None and order.operation is None:
        title = document.get("info", {}).get("title", "no title")
        raise UsageError(
            f"{path} describes no shop: none of its {len(operations)} operations places or reads an order",
            expected="an operation such as POST /orders or GET /orders/{id}",
            seen=f"'{title}' with {', '.join(map(str, operations[:3])) or 'no operation'} …",
            hint="name the document of the service that takes your orders, or leave --from out and fill in the paths",
        )
    shape = shape_of(document, _raw(place), _raw(order))
    return Proposal(
        file=path.name,
        title=str(document.get("info", {}).get("title", path.name)),
        base_url=_base_url(document),
        place=place,
        order=order,
        orders=orders,
        shape=shape,
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"there is no {path}", hint="name your shop's OpenAPI document after --from") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read", seen=str(error), hint="name a text file, YAML or JSON") from None
    try:
        content = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _Plain)  # noqa: S506  # a SafeLoader, see there
    except (ValueError, yaml.YAMLError) as error:
        place = str(error).replace("\n", " ")[:200]
        raise UsageError(f"{path} is neither YAML nor JSON", seen=place, hint="mend the place named above") from None
    version = str((content.get("openapi") or content.get("swagger") or "") if isinstance(content, dict) else "")
    if not isinstance(content, dict) or not version.startswith(("3.", "2.0")):
        keys = ", ".join(map(str, list(content)[:4])) if isinstance(content, dict) else type(content).__name__
        raise UsageError(
            f"{path} is no OpenAPI document",
            expected="a key 'openapi: 3.…' or 'swagger: 2.0' at the top",
            seen=keys or "nothing",
            hint="most frameworks serve theirs at /openapi.json or /swagger.json",
        )
    return content


def _refuse_vendor(document: Mapping[str, Any], path: Path) -> None:
    """Refuse the document of a vendor the shop is wired to: it is not the shop's."""
    hosts = {urlsplit(url).hostname for url in _servers(document)}
    for vendor in shipped_vendors().values():
        if hosts & {vendor.host, urlsplit(vendor.sandbox or "").hostname} - {None}:
            raise UsageError(
                f"{path} is the document of {vendor.id}, not of your shop",
                expected="the document of the service that takes your orders",
                seen=f"server {', '.join(sorted(str(host) for host in hosts))}",
                hint=f"Assay brings a connector for {vendor.id} already; leave --from out if your shop has no document",
            )


def _operations(document: Mapping[str, Any], path: Path) -> Iterator[Operation]:
    paths = document.get("paths")
    if not isinstance(paths, dict):
        raise UsageError(f"{path} has no paths", expected="a table 'paths' with at least one operation")
    for route, methods in paths.items():
        for method, raw in methods.items() if isinstance(methods, dict) else ():
            if method in METHODS and isinstance(raw, dict):
                yield Operation(
                    method=method,
                    path=str(route),
                    id=str(raw.get("operationId") or raw.get("summary") or ""),
                    tags=tuple(map(str, raw.get("tags") or ())),
                    raw=raw,
                )


def _best(function: str, operations: Sequence[Operation], judge: Any) -> Choice:
    scored = [(*judge(operation), operation) for operation in operations]
    # Of equals the shortest path is the least special one.
    points, reasons, operation = max(scored, key=lambda each: (each[0], -len(each[2].path)), default=(0, (), None))
    if operation is None or points <= 0:
        return Choice(function, None, "nothing in the document fits")
    return Choice(function, operation, ", ".join(reasons))


def _raw(choice: Choice) -> Mapping[str, Any] | None:
    return choice.operation.raw if choice.operation else None


def _places(operation: Operation) -> tuple[int, tuple[str, ...]]:
    """Score an operation as the one that buys."""
    if operation.method not in ("post", "put") or not operation.parts or not _words(*operation.parts) & _BUY:
        return 0, ()
    last, reasons, points = _words(operation.parts[-1]), [operation.method.upper()], 0
    if last & _BUY:
        points, reasons = points + 4, [*reasons, f"the path ends in '{operation.parts[-1]}'"]
    named = _words(operation.id)
    if named & _BUY and named & _CREATES:
        points, reasons = points + 3, [*reasons, f"it is called '{operation.id}'"]
    if _tagged(operation):
        points, reasons = points + 1, [*reasons, f"its tag is '{_tagged(operation)}'"]
    return points - 5 * len(_aside(operation)), tuple(reasons)


def _reads(operation: Operation) -> tuple[int, tuple[str, ...]]:
    """Score an operation as the one that reads a single order."""
    parts = operation.parts
    if operation.method != "get" or len(parts) < 2 or not parts[-1].startswith("{"):
        return 0, ()
    if not _words(parts[-2]) & _ORDER:
        return 0, ()
    points, reasons = 4, ["GET", f"one of '{parts[-2]}' by {parts[-1]}"]
    if _words(operation.id) & _ORDER:
        points, reasons = points + 2, [*reasons, f"it is called '{operation.id}'"]
    if _tagged(operation):
        points, reasons = points + 1, [*reasons, f"its tag is '{_tagged(operation)}'"]
    return points - 5 * len(_aside(operation)), tuple(reasons)


def _lists(operation: Operation) -> tuple[int, tuple[str, ...]]:
    """Score an operation as the one that lists orders of a span."""
    if operation.method != "get" or not operation.parts or not _words(operation.parts[-1]) & _ORDER:
        return 0, ()
    points, reasons = 4, ["GET", f"the path ends in '{operation.parts[-1]}'"]
    spans = [name for name in operation.parameters if _words(name) & _SPAN]
    if spans:
        points, reasons = points + 2, [*reasons, f"it filters by {' and '.join(spans[:2])}"]
    if _words(operation.id) & {"list", "find", "all", "index"}:
        points, reasons = points + 1, [*reasons, f"it is called '{operation.id}'"]
    return points - 5 * len(_aside(operation)), tuple(reasons)


def _tagged(operation: Operation) -> str | None:
    return next((tag for tag in operation.tags if _words(tag) & (_BUY | {"storefront", "shop"})), None)


def _aside(operation: Operation) -> frozenset[str]:
    fixed = [part for part in operation.parts if not part.startswith("{")]
    return _words(*fixed) & _ASIDE


def _words(*texts: str) -> frozenset[str]:
    """Return the words of names in any spelling: ``createOrder``, ``create_order``, ``/orders/{orderId}``."""
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", " ".join(texts))
    return frozenset(re.findall(r"[a-z]+", apart.lower()))


def _servers(document: Mapping[str, Any]) -> list[str]:
    if document.get("host"):  # Swagger 2.0
        scheme = (document.get("schemes") or ["https"])[0]
        return [f"{scheme}://{document['host']}{document.get('basePath', '')}"]
    listed = document.get("servers") or ()
    return [str(each.get("url", "")) for each in listed if isinstance(each, dict)]


def _base_url(document: Mapping[str, Any]) -> str:
    """Return where the document says the shop is; this machine where it names no whole address."""
    found = next(
        (url for url in _servers(document) if urlsplit(url).scheme in ("http", "https") and "{" not in url), ""
    )
    return found.rstrip("/") or _ANYWHERE
