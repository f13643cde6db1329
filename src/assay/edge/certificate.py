"""The edge's own certificate authority and the certificate of the routed hosts, made once per landscape directory.

WireMock can sign a certificate for any host by itself, but it takes about a second of RSA per host at the host's first
call; what it signs carries no authority key identifier, which clients that verify strictly (Python 3.13 by default)
refuse; and on Java later than 17 it cannot sign at all. So the hosts a profile routes, and their siblings, are signed
here with the runtime's keytool, into the key store that WireMock reads. Only a host nobody listed still gets a
certificate of WireMock's making, with those limits.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from assay.edge.install import Java, locked
from assay.errors import InfrastructureError, UsageError

# Guards nothing: the key store is readable by its owner alone (mode 600), and WireMock wants some password.
STORE_PASSWORD = "password"  # noqa: S105
_AUTHORITY_DAYS = 1800
_HOST_DAYS = 800
_RENEW_BEFORE = timedelta(days=30)
_HOST_NAME = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files of one authority: key store for WireMock, its certificate, and the bundle clients are given."""

    keystore: Path
    authority: Path
    bundle: Path


def ensure_certificates(
    directory: Path, hosts: Iterable[str], *, java: Java, environ: Mapping[str, str] | None = None
) -> Certificates:
    """Return the authority of ``directory``, made if absent, with every one of ``hosts`` signed by it.

    The bundle holds the roots this machine trusts already plus the authority, so that it can replace them in
    SSL_CERT_FILE and REQUESTS_CA_BUNDLE. Hosts signed earlier stay signed.
    """
    names = sorted({name for host in hosts for name in _names(host)})
    made = Certificates(directory / "ca.p12", directory / "ca.pem", directory / "ca-bundle.pem")
    directory.mkdir(parents=True, exist_ok=True)
    with locked(directory / "ca.lock"):
        record = _read_record(directory)
        if record is None or not made.keystore.is_file():
            _make_authority(made.keystore, java)
            record = {"expires": _after(_AUTHORITY_DAYS), "signed": []}
        signed = record["signed"]
        missing = sorted(set(names) - {name for entry in signed for name in entry["names"]})
        if missing:
            _sign_hosts(made.keystore, f"hosts-{len(signed) + 1}", missing, java)
            signed.append({"names": missing, "expires": _after(_HOST_DAYS)})
        if not made.authority.is_file():
            _export(made.keystore, made.authority, java)
        _write_bundle(made, os.environ if environ is None else environ)
        (directory / "ca.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    return made


def _names(host: str) -> tuple[str, ...]:
    """Give the host and its siblings: a sibling nobody routed is then refused with a body, not by a TLS error."""
    host = host.lower().rstrip(".")
    if not _HOST_NAME.fullmatch(host):
        raise UsageError(
            "A routed host is not a host name.",
            expected="a name as in a certificate, without scheme, port or path",
            seen=host,
            hint="write for example api.stripe.com",
        )
    parent = host.removeprefix("*.").partition(".")[2]
    return (host, f"*.{parent}") if "." in parent else (host,)


def _read_record(directory: Path) -> dict[str, Any] | None:
    """Return what is signed so far, or None where nothing usable is there or something in it expires soon."""
    try:
        record = json.loads((directory / "ca.json").read_text(encoding="utf-8"))
        expiries = [record["expires"], *(entry["expires"] for entry in record["signed"])]
        if min(map(datetime.fromisoformat, expiries)) > datetime.now(UTC) + _RENEW_BEFORE:
            return dict(record)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    for name in ("ca.p12", "ca.pem", "ca-bundle.pem", "ca.json"):
        (directory / name).unlink(missing_ok=True)
    return None


def _after(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def _make_authority(keystore: Path, java: Java) -> None:
    keystore.unlink(missing_ok=True)
    _keytool(
        java,
        "-genkeypair",
        *("-alias", "ca", "-keyalg", "RSA", "-keysize", "2048", "-validity", str(_AUTHORITY_DAYS)),
        *("-dname", "CN=Assay local authority", "-ext", "bc:critical=ca:true,pathlen:0"),
        *("-ext", "ku:critical=keyCertSign,cRLSign", "-keystore", str(keystore), "-storetype", "PKCS12"),
    )
    keystore.chmod(0o600)


def _sign_hosts(keystore: Path, alias: str, names: list[str], java: Java) -> None:
    _keytool(
        java,
        "-genkeypair",
        *("-alias", alias, "-keyalg", "RSA", "-keysize", "2048", "-validity", str(_HOST_DAYS), "-signer", "ca"),
        *("-dname", "CN=Assay edge", "-ext", "san=" + ",".join(f"dns:{name}" for name in names)),
        *("-ext", "eku=serverAuth", "-keystore", str(keystore), "-storetype", "PKCS12"),
    )
    keystore.chmod(0o600)


def _export(keystore: Path, target: Path, java: Java) -> None:
    target.write_text(
        _keytool(java, "-exportcert", "-rfc", "-alias", "ca", "-keystore", str(keystore)), encoding="ascii"
    )


def _keytool(java: Java, *arguments: str) -> str:
    command = [str(java.keytool), "-J-XX:TieredStopAtLevel=1", *arguments, "-storepass", STORE_PASSWORD]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise InfrastructureError(
            "The edge's certificates could not be made.",
            where=str(java.keytool),
            seen=(done.stdout + done.stderr).strip()[:500],
            hint="remove the landscape's certificate folder and try again",
        )
    return done.stdout


def _write_bundle(made: Certificates, environ: Mapping[str, str]) -> None:
    if made.bundle.is_file():
        return
    roots = ""
    for candidate in _root_files(environ):
        if candidate.is_file() and candidate != made.bundle:
            roots = candidate.read_text(encoding="utf-8", errors="replace")
            break
    partial = made.bundle.with_suffix(".partial")
    partial.write_text(f"{roots.rstrip()}\n{made.authority.read_text(encoding='ascii')}", encoding="utf-8")
    partial.replace(made.bundle)


def _root_files(environ: Mapping[str, str]) -> Iterable[Path]:
    for variable in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        if environ.get(variable):
            yield Path(environ[variable])
    default = ssl.get_default_verify_paths().cafile
    if default:
        yield Path(default)
    import certifi

    yield Path(certifi.where())
