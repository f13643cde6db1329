"""What is done to a running edge: load the route table and faults, and warm the routed hosts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from assay.edge.admin import Admin
from assay.edge.faults import Fault, fault_mappings
from assay.edge.routes import RouteTable, route_mappings
from assay.edge.sockets import handshake
from assay.errors import InfrastructureError


def load_routes(admin: Admin, table: RouteTable) -> None:
    """Make the edge route exactly ``table`` and nothing else; stubs and faults put there before are gone."""
    _import(admin, route_mappings(table, port=admin.port), replace=True)


def set_faults(admin: Admin, table: RouteTable, faults: Sequence[Fault]) -> None:
    """Put exactly ``faults`` in front of the routes of ``table``; an empty sequence clears them all.

    ``table`` is what ``load_routes`` was given. A share's cycle begins anew. Raises UsageError or SafetyError for a
    fault that cannot be, and then changes nothing.
    """
    mappings = fault_mappings(table, faults, port=admin.port)
    admin.post("/mappings/remove-by-metadata", {"matchesJsonPath": "$.assay[?(@.kind == 'fault')]"})
    if mappings:
        _import(admin, mappings, replace=False)


def touch(port: int, hosts: Iterable[str], authority: Path) -> None:
    """Open one TLS connection per host through the proxy, in parallel, so that each host's certificate exists.

    Hosts signed for at start answer at once; another costs WireMock about a second here instead of in the
    platform's first call. Nothing is sent, so neither target nor journal sees it. Raises InfrastructureError naming
    the first host that cannot be reached.
    """
    names = [host for host in hosts if not host.startswith("*.")]
    if not names:
        return
    with ThreadPoolExecutor(max_workers=min(8, len(names))) as pool:
        tries = {name: pool.submit(handshake, port, name, authority) for name in names}
    for name, attempt in tries.items():
        error = attempt.exception()
        if error is not None:
            raise InfrastructureError(
                f"The edge cannot answer for {name}.",
                where=f"https://{name} by the proxy on port {port}",
                expected="a TLS connection with the edge's own certificate",
                seen=str(error),
                hint="name the host when the edge starts (assay down, then assay up), so that it is signed for",
            ) from error


def _import(admin: Admin, mappings: Sequence[dict[str, Any]], *, replace: bool) -> None:
    options = {"duplicatePolicy": "OVERWRITE", "deleteAllNotInImport": replace}
    admin.post("/mappings/import", {"mappings": list(mappings), "importOptions": options})
