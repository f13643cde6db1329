"""The command line of the edge's Java process: which switches, and why each is there."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from assay.edge.certificate import STORE_PASSWORD, Certificates
from assay.edge.install import Installation
from assay.edge.sockets import ADMIN_USER

BODY_LIMIT = 16 * 1024
KEPT_BODY = BODY_LIMIT + 1  # one more, so that a body cut off there is told from one that ends there
Mode = Literal["scenario", "load"]
_NEAR = "127.0.0.1|localhost"


def heap_flags() -> list[str]:
    """Return the flags an archive must share with the process that uses it.

    The journal keeps every body until it is harvested, hence the gigabyte; a process out of memory hangs and ignores
    SIGTERM unless told to exit.
    """
    return ["-Xmx1g", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"]


def java_flags(mode: Mode, archive: Path | None, *, proxy: str | None = None) -> list[str]:
    """Return the JVM's flags: quick compilation only for scenarios, full tiering for load.

    proxy: the company's, for what goes out to sandboxes and live systems.
    """
    tiering = ["-XX:TieredStopAtLevel=1"] if mode == "scenario" else []
    shared = [f"-XX:SharedArchiveFile={archive}"] if archive is not None else []
    # An archive that no longer fits is ignored by the JVM; it need not say so.
    quiet = ["-Xshare:auto", "-Xlog:cds=off,cds+dynamic=off"]
    return [*heap_flags(), *tiering, *shared, *quiet, *_way_out(proxy)]


def _way_out(proxy: str | None) -> list[str]:
    """Return the JVM's proxy settings, and not WireMock's ``--proxy-via``: that one takes simulators' calls along."""
    if proxy is None:
        return []
    parts = urlsplit(proxy)
    ways = [f"-D{scheme}.{key}" for scheme in ("http", "https") for key in ("proxyHost", "proxyPort")]
    values = [parts.hostname, parts.port] * 2
    return [*(f"{way}={value}" for way, value in zip(ways, values, strict=True)), f"-Dhttp.nonProxyHosts={_NEAR}"]


def wiremock_flags(
    *, port: int, bind: str, root: Path, certificates: Certificates, mode: Mode, secret: str = ""
) -> list[str]:
    """Return WireMock's flags for an edge on ``port`` with its files under ``root``.

    secret: what its admin API asks for; a proxied call to any host reaches that API, too.
    """
    # Without the connection-reuse switch every proxied call opens a connection and ends it with RST. With it, a target
    # must keep idle connections for more than 5 s: WireMock checks for a closed one only then, and answers 500 before.
    connections = ["--disable-connection-reuse", "false", "--container-threads", "100"]
    # Only routed hosts pass: an unmatched proxy request must never go out by itself.
    proxying = [
        *("--enable-browser-proxying", "--proxy-pass-through", "false", "--preserve-user-agent-proxy-header"),
        *("--ca-keystore", str(certificates.keystore), "--ca-keystore-type", "pkcs12"),
        *("--ca-keystore-password", STORE_PASSWORD),
    ]
    # Faults break a connection, which HTTP/2 would share between calls that have nothing to do with the fault.
    lean = [
        *("--disable-gzip", "--disable-banner", "--disable-request-logging", "--use-chunked-encoding", "never"),
        *("--disable-http2-tls", "--disable-http2-plain", "--disable-extensions-scanning"),
    ]
    kept = ["--logged-response-body-size-limit", str(KEPT_BODY)]
    journal = ["--no-request-journal"] if mode == "load" else kept
    guarded = ["--admin-api-basic-auth", f"{ADMIN_USER}:{secret}"] if secret else []
    return [
        *("--port", str(port), "--bind-address", bind, "--root-dir", str(root)),
        *connections,
        *proxying,
        *lean,
        *journal,
        *guarded,
    ]


def command(installation: Installation, java: list[str], wiremock: list[str]) -> list[str]:
    """Return the whole command line."""
    return [str(installation.java.program), *java, "-jar", str(installation.jar), *wiremock]
