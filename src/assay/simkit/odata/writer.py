"""Writes stored rows as OData V2 JSON: metadata, deferred or expanded navigation, selected properties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.simkit.odata.edm import EntitySet, Model
from assay.simkit.odata.store import EntityStore, Row
from assay.simkit.odata.values import etag_of, key_literal

Tree = Mapping[str, Any]


class Writer:
    """Turns rows of one service into answers; `base` is the service's absolute address."""

    def __init__(self, model: Model, store: EntityStore, base: str) -> None:
        self._model = model
        self._store = store
        self._base = base

    def address(self, entity: EntitySet, row: Row) -> str:
        """Return the absolute address of an entity."""
        if len(entity.keys) == 1:
            key = key_literal(entity.keys[0], row[entity.keys[0].name])
        else:
            key = ",".join(f"{each.name}={key_literal(each, row[each.name])}" for each in entity.keys)
        return f"{self._base}/{entity.name}({key})"

    def entity(self, entity: EntitySet, row: Row, expand: Tree, select: Tree | None) -> dict[str, Any]:
        """Return one entity; what is not expanded is deferred, what is not selected is left out."""
        address = self.address(entity, row)
        about = {"id": address, "uri": address, "type": f"{self._model.namespace}.{entity.type_name}"}
        if entity.etag is not None:
            about["etag"] = etag_of(entity.etag, row[entity.etag.name])
        if select is None:
            body = {"__metadata": about, **row}
        else:
            body = {"__metadata": about}
            body.update(row if "*" in select else {name: row[name] for name in row if name in select})
        for name, way in entity.ways.items():
            if select is not None and name not in select:
                continue
            if name not in expand:
                body[name] = {"__deferred": {"uri": f"{address}/{name}"}}
                continue
            deeper = None if select is None or not select[name] else select[name]
            target = self._model.sets[way.target]
            found = [
                self.entity(target, each, expand[name], deeper) for each in self._store.related(self._model, way, row)
            ]
            if way.many:
                body[name] = {"results": found}
            else:
                body[name] = found[0] if found else None
        return body
