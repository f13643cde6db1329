"""Writes the $metadata document (EDMX, OData V2) and the service document of a declared model."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

from assay.simkit.odata.edm import EntitySet, Function, Model, Navigation, Property

_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"'
    ' xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
    ' xmlns:sap="http://www.sap.com/Protocols/SAPData">\n'
    '<edmx:DataServices m:DataServiceVersion="2.0">\n'
)


def metadata_document(model: Model) -> str:
    """Return the whole EDMX text of a model."""
    lines = [_HEAD]
    lines.append(f'<Schema Namespace="{model.namespace}" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">')
    for entity in model.sets.values():
        lines.extend(_entity_type(model, entity))
    for name, parts in model.complex_types.items():
        lines.append(f'<ComplexType Name="{name}">')
        lines.extend(_property(each) for each in parts)
        lines.append("</ComplexType>")
    for entity in model.sets.values():
        lines.extend(_association(model, entity, way) for way in entity.navigations)
    lines.extend(_container(model))
    lines.append("</Schema>\n</edmx:DataServices>\n</edmx:Edmx>\n")
    return "\n".join(lines)


def service_document(model: Model) -> dict[str, object]:
    """Return the JSON service document: the names of the entity sets."""
    return {"d": {"EntitySets": list(model.sets)}}


def _entity_type(model: Model, entity: EntitySet) -> Iterator[str]:
    yield f'<EntityType Name="{entity.type_name}">'
    refs = "".join(f'<PropertyRef Name="{each.name}"/>' for each in entity.keys)
    yield f"<Key>{refs}</Key>"
    yield from (_property(each) for each in entity.properties)
    for way in entity.navigations:
        name = _association_name(entity, way)
        yield (
            f'<NavigationProperty Name="{way.name}" Relationship="{model.namespace}.{name}"'
            f' FromRole="From_{name}" ToRole="To_{name}"/>'
        )
    yield "</EntityType>"


def _property(prop: Property) -> str:
    facets = {
        "Name": prop.name,
        "Type": f"Edm.{prop.kind}",
        "Nullable": None if prop.nullable else "false",
        "MaxLength": prop.max_length,
        "Precision": prop.precision,
        "Scale": prop.scale if prop.kind == "Decimal" else None,
        "ConcurrencyMode": "Fixed" if prop.is_etag else None,
        "sap:unit": prop.unit,
        "sap:creatable": None if prop.creatable else "false",
        "sap:updatable": None if prop.updatable else "false",
    }
    text = " ".join(f"{name}={quoteattr(str(value))}" for name, value in facets.items() if value is not None)
    return f"<Property {text}/>"


def _association_name(entity: EntitySet, way: Navigation) -> str:
    return f"{entity.name}_{way.name}"


def _association(model: Model, entity: EntitySet, way: Navigation) -> str:
    name, target = _association_name(entity, way), model.sets[way.target]
    back, to = ("1", "*") if way.many else ("*", "0..1")
    ours, theirs = f"{model.namespace}.{entity.type_name}", f"{model.namespace}.{target.type_name}"
    return (
        f'<Association Name="{name}">'
        f'<End Type="{ours}" Multiplicity="{back}" Role="From_{name}"/>'
        f'<End Type="{theirs}" Multiplicity="{to}" Role="To_{name}"/>'
        "</Association>"
    )


def _container(model: Model) -> Iterator[str]:
    yield f'<EntityContainer Name="{model.namespace}_Entities" m:IsDefaultEntityContainer="true">'
    for entity in model.sets.values():
        refused = {"create": "creatable", "update": "updatable", "delete": "deletable"}
        flags = "".join(
            f' sap:{flag}="false"' for operation, flag in refused.items() if operation not in entity.operations
        )
        yield f'<EntitySet Name="{entity.name}" EntityType="{model.namespace}.{entity.type_name}"{flags}/>'
    for entity in model.sets.values():
        for way in entity.navigations:
            name = _association_name(entity, way)
            yield (
                f'<AssociationSet Name="{name}_Set" Association="{model.namespace}.{name}">'
                f'<End EntitySet="{entity.name}" Role="From_{name}"/>'
                f'<End EntitySet="{way.target}" Role="To_{name}"/></AssociationSet>'
            )
    yield from (_function(model, each) for each in model.functions.values())
    yield "</EntityContainer>"


def _function(model: Model, function: Function) -> str:
    returns = ""
    if function.returns:
        name = f"{model.namespace}.{function.returns}"
        kind = f"Collection({name})" if function.many else name
        returns = f' ReturnType="{kind}"'
    parameters = "".join(
        f'<Parameter Name="{each.name}" Type="Edm.{each.kind}" Mode="In"'
        + (f' MaxLength="{each.max_length}"' if each.max_length else "")
        + "/>"
        for each in function.parameters
    )
    head = f'<FunctionImport Name="{function.name}"{returns} m:HttpMethod="{function.method}">'
    return f"{head}{parameters}</FunctionImport>"
