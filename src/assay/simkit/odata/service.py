"""One OData V2 service: resolves addresses, reads collections and entities, validates payloads, calls vendor rules.

The vendor declares a `Model`, the rules of its writes (`Behaviour`), and who may call (`admit`); everything of the
protocol is here: $filter $expand $select $orderby $top $skip $inlinecount $count, paging, ETag, deep insert, $metadata.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

import orjson

from assay.simkit.call import Answer, Call, Refused
from assay.simkit.odata.batch import BatchWriter, Part, read_batch, refer
from assay.simkit.odata.edm import EntitySet, Function, Model, Navigation
from assay.simkit.odata.errors import ODataFault, bad_request, error_answer, malformed, not_allowed, not_found
from assay.simkit.odata.metadata import metadata_document, service_document
from assay.simkit.odata.query import Options, parse_key, parse_options, read_literal, split_path
from assay.simkit.odata.store import EntityStore, Row
from assay.simkit.odata.values import etag_of, from_json
from assay.simkit.odata.writer import Writer
from assay.simkit.world import World

_HEADERS = {"DataServiceVersion": "2.0"}
_WRITES = frozenset({"POST", "PUT", "PATCH", "MERGE", "DELETE"})


class ServiceState(Protocol):
    """What a service needs of the simulator's state."""

    @property
    def world(self) -> World:
        """Time, ids and settings."""

    @property
    def store(self) -> EntityStore:
        """The rows of every service."""

    def base_url(self, call: Call) -> str:
        """Return scheme and host to write into addresses of this answer."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The vendor's rules for writes to one entity set; what is None is stored as it comes.

    create(state, values, parent): values on the wire, navigations as nested lists; parent is the row posted under.
    update(state, row, changes): returns the row as stored. delete(state, row). refresh(state): before any read.
    """

    create: Callable[[Any, dict[str, Any], Row | None], Row] | None = None
    update: Callable[[Any, Row, dict[str, Any]], Row] | None = None
    delete: Callable[[Any, Row], None] | None = None
    refresh: Callable[[Any], None] | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """Where an address leads: a collection (row is None), one entity, or one property of it."""

    entity: EntitySet
    row: Row | None = None
    parent: Row | None = None
    way: Navigation | None = None
    prop: str | None = None
    raw: bool = False
    count: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """One service at `path`; `admit(state, call)` refuses callers and returns headers for the answer."""

    model: Model
    path: str
    admit: Callable[[Any, Call], Mapping[str, str]]
    behaviours: Mapping[str, Behaviour] = field(default_factory=dict)
    functions: Mapping[str, Callable[[Any, dict[str, Any]], Any]] = field(default_factory=dict)
    page_size: int = 1_000

    def handle(self, state: Any, call: Call) -> Answer:
        """Answer one request under this service's path; ``path`` among the parameters is the rest of the address."""
        extra: Mapping[str, str] = {}
        method = _method(call)
        try:
            extra = self.admit(state, call)
            is_batch = call.params.get("path") == "$batch" and method == "POST"
            answer = self._batch(state, call) if is_batch else self.dispatch(state, call, method)
        except ODataFault as fault:
            raise Refused(self.refuse(state, fault, extra), keep=method not in _WRITES) from None
        return Answer(answer.body, answer.status, {**answer.headers, **extra}, answer.media_type)

    def refuse(self, state: Any, fault: ODataFault, extra: Mapping[str, str]) -> Answer:
        """Return the answer of a fault, in SAP's shape."""
        now = state.world.now()
        transaction = hashlib.blake2b(f"{now}{fault.message}".encode(), digest_size=16).hexdigest().upper()
        answer = error_answer(fault, service=self.model.namespace, transaction=transaction, now=now)
        return Answer(answer.body, answer.status, {**answer.headers, **extra}, answer.media_type)

    def _batch(self, state: Any, call: Call) -> Answer:
        """Answer a batch; each change set is committed by itself, so that a failed one undoes nothing else."""
        documents = state.world.documents
        writer = BatchWriter(hashlib.blake2b(call.body, digest_size=8).hexdigest())
        for part in list(read_batch(call, self.path)):
            if isinstance(part, list):
                documents.commit()
                try:
                    writer.add_changes(self._changes(state, part))
                    documents.commit()
                except ODataFault as fault:
                    documents.rollback()
                    writer.add(self.refuse(state, fault, {}))
                continue
            try:
                method = _method(part.call)
                if method not in ("GET", "HEAD"):
                    raise bad_request("Only GET may stand outside a change set")
                writer.add(self.dispatch(state, part.call, method))
            except ODataFault as fault:
                writer.add(self.refuse(state, fault, {}))
        return writer.answer()

    def _changes(self, state: Any, parts: list[Part]) -> list[tuple[str, Answer]]:
        created: dict[str, str] = {}
        answers = []
        for part in parts:
            call = refer(part.call, created, self.path)
            answer = self.dispatch(state, call, _method(call))
            if part.content_id and "Location" in answer.headers:
                created[part.content_id] = answer.headers["Location"].rpartition(self.path + "/")[2]
            answers.append((part.content_id, answer))
        return answers

    def dispatch(self, state: Any, call: Call, method: str) -> Answer:
        """Answer one admitted request; raises `ODataFault`."""
        segments = split_path(call.params.get("path", ""))
        if not segments or segments[0][0] == "$metadata":
            return self._document(method, bool(segments))
        first = segments[0][0]
        function = self.model.functions.get(first)
        if function is not None:
            return self._call_function(state, call, method, function)
        if first not in self.model.sets:
            raise not_found(first)
        refresh = self.behaviours.get(first, _PLAIN).refresh
        if refresh is not None:
            refresh(state)
        resource = self.resolve(state.store, segments)
        if method in ("GET", "HEAD"):
            return self._read(state, call, resource)
        return self._write(state, call, method, resource)

    def _document(self, method: str, is_metadata: bool) -> Answer:
        if method not in ("GET", "HEAD"):
            raise not_allowed(method, "$metadata" if is_metadata else self.model.namespace)
        if is_metadata:
            return Answer(metadata_document(self.model), 200, dict(_HEADERS), "application/xml")
        return Answer(service_document(self.model), 200, dict(_HEADERS))

    def resolve(self, store: EntityStore, segments: list[tuple[str, str | None]]) -> Resource:
        """Follow an address; raises `ODataFault` 404 where it leads nowhere."""
        entity = self.model.sets[segments[0][0]]
        here = _step(store, entity, segments[0][1], Resource(entity))
        for name, predicate in segments[1:]:
            if here.prop is not None and name == "$value":
                here = Resource(here.entity, here.row, prop=here.prop, raw=True)
            elif name == "$count" and here.row is None:
                here = Resource(here.entity, None, here.parent, here.way, count=True)
            elif here.row is None or here.prop is not None:
                raise not_found(name)
            elif name in here.entity.by_name and predicate is None:
                here = Resource(here.entity, here.row, prop=name)
            elif name in here.entity.ways:
                here = self._follow(store, here, here.entity.ways[name], predicate)
            else:
                raise not_found(name)
        return here

    def _follow(self, store: EntityStore, here: Resource, way: Navigation, predicate: str | None) -> Resource:
        target = self.model.sets[way.target]
        assert here.row is not None
        if way.many:
            return _step(store, target, predicate, Resource(target, None, here.row, way))
        found = store.related(self.model, way, here.row)
        if not found:
            raise not_found(target.type_name)
        return Resource(target, found[0], here.row, way)

    # ── reading ────────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, state: Any, call: Call, resource: Resource) -> Answer:
        _acceptable(call)
        options = parse_options(call.query, resource.entity, self.model)
        writer = Writer(self.model, state.store, state.base_url(call) + self.path)
        if resource.prop is not None:
            return _property_answer(resource)
        if resource.row is None:
            return self._read_collection(state, call, resource, options, writer)
        headers = dict(_HEADERS)
        if (etag := resource.entity.etag) is not None:
            headers["ETag"] = etag_of(etag, resource.row[etag.name])
            if call.headers.get("if-none-match") == headers["ETag"]:
                return Answer(None, 304, headers)
        body = writer.entity(resource.entity, resource.row, options.expand, options.select)
        return Answer({"d": body}, 200, headers)

    def _read_collection(self, state: Any, call: Call, resource: Resource, options: Options, writer: Writer) -> Answer:
        rows = self._selected(state.store, resource, options)
        if resource.count:
            return Answer(str(len(rows)), 200, dict(_HEADERS), "text/plain")
        for convert, name, is_descending in reversed(options.order):
            rows.sort(key=lambda row, name=name, convert=convert: convert(row[name]), reverse=is_descending)  # type: ignore[misc]
        body: dict[str, Any] = {}
        if options.count:
            body["__count"] = str(len(rows))
        start = options.skip + options.token
        left = len(rows) - start if options.top is None else min(options.top - options.token, len(rows) - start)
        size = int(state.world.settings.get("page_size", self.page_size))
        page = rows[start : start + max(0, min(left, size))]
        body["results"] = [writer.entity(resource.entity, row, options.expand, options.select) for row in page]
        if left > size:
            query = [pair for pair in call.query if pair[0] != "$skiptoken"]
            query.append(("$skiptoken", str(options.token + size)))
            body["__next"] = f"{state.base_url(call)}{call.path.replace(' ', '%20')}?{urlencode(query)}"
        return Answer({"d": body}, 200, dict(_HEADERS))

    def _selected(self, store: EntityStore, resource: Resource, options: Options) -> list[Row]:
        found: Iterable[Row]
        if resource.parent is not None and resource.way is not None:
            found = store.related(self.model, resource.way, resource.parent)
        elif options.filter is not None:
            found = store.find(resource.entity, options.filter.equal)
        else:
            found = store.rows(resource.entity)
        if options.filter is None:
            return list(found)
        keeps = options.filter.keeps
        return [row for row in found if keeps(row)]

    # ── writing ────────────────────────────────────────────────────────────────────────────────────────────────

    def _write(self, state: Any, call: Call, method: str, resource: Resource) -> Answer:
        entity = resource.entity
        operation = {"POST": "create", "DELETE": "delete"}.get(method, "update")
        if method not in _WRITES or (resource.row is None) != (method == "POST") or resource.count or resource.prop:
            raise not_allowed(method, entity.name)
        if operation not in entity.operations:
            raise not_allowed(method, entity.name)
        if operation == "create":
            return self._create(state, call, resource)
        row = resource.row
        assert row is not None
        _check_etag(call, entity, row)
        behaviour = self.behaviours.get(entity.name, _PLAIN)
        if operation == "delete":
            if behaviour.delete is not None:
                behaviour.delete(state, row)
            else:
                state.store.remove(entity, row)
            return Answer(None, 204, dict(_HEADERS))
        changes = self.read_payload(entity, _payload(call), is_new=False)
        if method == "PUT":
            blank = {each.name: each.blank for each in entity.properties if each.updatable and not each.is_key}
            changes = {**blank, **changes}
        if behaviour.update is not None:
            row = behaviour.update(state, row, changes)
        else:
            row = state.store.put(entity, {**row, **changes})
        headers = dict(_HEADERS)
        if entity.etag is not None:
            headers["ETag"] = etag_of(entity.etag, row[entity.etag.name])
        return Answer(None, 204, headers)

    def _create(self, state: Any, call: Call, resource: Resource) -> Answer:
        entity = resource.entity
        values = self.read_payload(entity, _payload(call), is_new=True)
        if resource.parent is not None and resource.way is not None:
            for ours, theirs in resource.way.on:
                values[theirs] = resource.parent[ours]
            values.update(resource.way.where)
        create = self.behaviours.get(entity.name, _PLAIN).create
        row = create(state, values, resource.parent) if create else self.store_new(state, entity, values)
        writer = Writer(self.model, state.store, state.base_url(call) + self.path)
        inserted: dict[str, Any] = {name: {} for name in entity.ways if name in values}
        for name in inserted:
            for nested in values[name]:
                target = self.model.sets[entity.ways[name].target]
                inserted[name].update({way: {} for way in target.ways if way in nested})
        headers = {**_HEADERS, "Location": writer.address(entity, row)}
        if entity.etag is not None:
            headers["ETag"] = etag_of(entity.etag, row[entity.etag.name])
        return Answer({"d": writer.entity(entity, row, inserted, None)}, 201, headers)

    def store_new(self, state: Any, entity: EntitySet, values: dict[str, Any]) -> Row:
        """Store a new row as it came, with everything nested in it; refuses a key that is taken."""
        for key in entity.keys:
            if key.name not in values:
                raise malformed(f"Property '{key.name}' of '{entity.type_name}' is missing", target=key.name)
        row = entity.row(**{name: value for name, value in values.items() if name in entity.by_name})
        if state.store.get(entity, row) is not None:
            raise ODataFault(400, "SD_API/005", f"{entity.name}: an entry with this key already exists")
        state.store.put(entity, row)
        for name, way in entity.ways.items():
            for nested in values.get(name, ()):
                linked = {theirs: row[ours] for ours, theirs in way.on}
                self.store_new(state, self.model.sets[way.target], {**nested, **linked, **dict(way.where)})
        return row

    def read_payload(self, entity: EntitySet, payload: Any, *, is_new: bool, depth: int = 0) -> dict[str, Any]:
        """Validate a JSON entity against its declaration; properties a caller may not set are dropped, as SAP does."""
        if not isinstance(payload, dict):
            raise malformed(f"A JSON object is expected for '{entity.type_name}'")
        if depth > 6:
            raise malformed("The payload is nested too deeply")
        values: dict[str, Any] = {}
        by_name = entity.by_name
        for name, value in payload.items():
            prop = by_name.get(name)
            if prop is not None:
                wire = from_json(prop, value)
                if (prop.is_key or prop.creatable) if is_new else (prop.updatable and not prop.is_key):
                    values[name] = wire
            elif name in entity.ways:
                if is_new and not _is_deferred(value):
                    values[name] = self._read_nested(entity.ways[name], value, depth)
            elif name != "__metadata":
                raise malformed(f"Property '{name[:60]}' is invalid", target=name[:60])
        return values

    def _read_nested(self, way: Navigation, value: Any, depth: int) -> list[dict[str, Any]]:
        target = self.model.sets[way.target]
        if isinstance(value, dict) and "results" in value:
            value = value["results"]
        if value is None and not way.many:
            return []
        entries = value if isinstance(value, list) else [value]
        if isinstance(value, list) != way.many:
            raise malformed(f"Navigation property '{way.name}' has an invalid value", target=way.name)
        return [self.read_payload(target, each, is_new=True, depth=depth + 1) for each in entries]

    def _call_function(self, state: Any, call: Call, method: str, function: Function) -> Answer:
        if method != function.method:
            raise not_allowed(method, function.name)
        given = dict(call.query)
        values: dict[str, Any] = {}
        for parameter in function.parameters:
            if parameter.name not in given:
                raise bad_request(f"Parameter '{parameter.name}' of function import '{function.name}' is missing")
            values[parameter.name] = read_literal(parameter, given[parameter.name])
        result = self.functions[function.name](state, values)
        if function.returns is None:
            return Answer(None, 204, dict(_HEADERS))
        kind = {"type": f"{self.model.namespace}.{function.returns}"}
        if function.many:
            return Answer({"d": {"results": [{"__metadata": kind, **each} for each in result]}}, 200, dict(_HEADERS))
        return Answer({"d": {function.name: {"__metadata": kind, **result}}}, 200, dict(_HEADERS))


_PLAIN = Behaviour()


def _step(store: EntityStore, entity: EntitySet, predicate: str | None, collection: Resource) -> Resource:
    """Return the collection itself, or the one entity of it a key predicate names."""
    if predicate is None:
        return collection
    key = parse_key(entity, predicate)
    row = store.get(entity, key)
    way = collection.way
    if row is None or (
        way is not None and any(row[theirs] != (collection.parent or {})[ours] for ours, theirs in way.on)
    ):
        raise not_found(entity.type_name)
    return Resource(entity, row)


def _method(call: Call) -> str:
    """Return the method meant: a POST may carry another one in X-HTTP-Method."""
    return call.headers.get("x-http-method", call.method).upper() if call.method == "POST" else call.method


def _is_deferred(value: Any) -> bool:
    return isinstance(value, dict) and "__deferred" in value


def _acceptable(call: Call) -> None:
    accept = call.headers.get("accept", "*/*")
    asks_json = "json" in accept or "*" in accept or "json" in dict(call.query).get("$format", "")
    if not asks_json:
        raise ODataFault(406, "/IWFND/CM_MGW/406", f"This simulator speaks JSON; '{accept[:60]}' is not offered")


def _property_answer(resource: Resource) -> Answer:
    assert resource.row is not None and resource.prop is not None
    value = resource.row[resource.prop]
    if resource.raw:
        return Answer("" if value is None else str(value), 200, dict(_HEADERS), "text/plain")
    return Answer({"d": {resource.prop: value}}, 200, dict(_HEADERS))


def _payload(call: Call) -> Any:
    kind = call.headers.get("content-type", "application/json")
    if "json" not in kind:
        raise ODataFault(415, "/IWFND/CM_MGW/415", f"Unsupported media type requested: '{kind[:60]}'")
    try:
        return orjson.loads(call.body)
    except orjson.JSONDecodeError as error:
        raise malformed(f"Error while parsing the JSON payload: {error.msg} at offset {error.pos}") from None


def _check_etag(call: Call, entity: EntitySet, row: Row) -> None:
    if entity.etag is None:
        return
    given = call.headers.get("if-match")
    if given is None:
        raise ODataFault(428, "/IWFND/CM_MGW/620", "A data modification request requires a precondition (If-Match)")
    tags = [tag.strip() for tag in given.split(",")]
    if "*" not in tags and etag_of(entity.etag, row[entity.etag.name]) not in tags:
        raise ODataFault(412, "/IWFND/CM_MGW/621", "Precondition failed: the entity was changed since it was read")
