"""OData V2 for simulators: declarations, queries, payloads, metadata and errors; the vendor adds its rules."""

from assay.simkit.odata.edm import EntitySet, Function, Model, Navigation, Property, entity_set, many, one, properties
from assay.simkit.odata.errors import ODataFault
from assay.simkit.odata.service import Behaviour, Service
from assay.simkit.odata.store import EntityStore, Row

__all__ = [
    "Behaviour",
    "EntitySet",
    "EntityStore",
    "Function",
    "Model",
    "Navigation",
    "ODataFault",
    "Property",
    "Row",
    "Service",
    "entity_set",
    "many",
    "one",
    "properties",
]
