"""What a platform must be told so that its calls reach the edge: proxy and CA, in the words of each runtime.

Every runtime reads other variables, and some clients bring a CA bundle of their own. What depends on a version is said
with the version.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from assay.errors import InfrastructureError, UsageError
from assay.local.plan import DOOR, EDGE, Plan

_TRUST_PASSWORD = "changeit"  # noqa: S105 (Java's own default; it guards nothing but public certificates)
_DIRECT = "localhost,127.0.0.1"


@dataclass(frozen=True, slots=True)
class WayIn:
    """How the edge of one landscape is reached: its address and the files that make clients trust it.

    authority: the edge's CA alone. bundle: the machine's CAs and the edge's. truststore: the same for Java.
    """

    proxy: str
    authority: Path
    bundle: Path
    truststore: Path

    @property
    def host(self) -> str:
        """The proxy's host."""
        return urlsplit(self.proxy).hostname or ""

    @property
    def is_open(self) -> bool:
        """Whether others than this machine are let in."""
        return self.host != "127.0.0.1"

    @property
    def port(self) -> int:
        """The proxy's port."""
        return urlsplit(self.proxy).port or 0


def way_in(plan: Plan) -> WayIn:
    """Return how the edge of a landscape is reached; refused where it has none or is not up."""
    if plan.environment.view != "forward_proxy":
        raise UsageError(
            f"environment '{plan.name}' has no forward proxy",
            where=f"environments.{plan.name}.view",
            expected='view = "forward_proxy"',
            seen=f'view = "{plan.environment.view}"',
            hint="`assay status` shows the base URLs" if plan.has_edge else "change the line, then `assay up`",
        )
    running = plan.home.read()
    port = running.port(EDGE, EDGE)
    if port is None or not running.alive(EDGE):
        raise InfrastructureError(
            f"the edge of '{plan.name}' is not up", where=str(plan.home.path), hint=f"assay up --env {plan.name}"
        )
    folder = plan.home.path / "edge" / "certificates"
    files = (folder / "ca.pem", folder / "ca-bundle.pem", folder / "truststore.p12")
    bind = plan.environment.edge.bind
    return WayIn(f"http://{bind}:{running.port(DOOR, DOOR)}" if bind else f"http://127.0.0.1:{port}", *files)


def variables(way: WayIn) -> dict[str, str]:
    """Return every variable that some runtime or client reads; what a runtime does not know does no harm."""
    both = {"HTTPS_PROXY": way.proxy, "NO_PROXY": _DIRECT}
    return {
        **both,
        **{name.lower(): value for name, value in both.items()},
        "http_proxy": way.proxy,  # Ruby's Net::HTTP reads this one for https, too
        "SSL_CERT_FILE": str(way.bundle),
        "REQUESTS_CA_BUNDLE": str(way.bundle),
        "CURL_CA_BUNDLE": str(way.bundle),
        "AWS_CA_BUNDLE": str(way.bundle),
        "HTTPLIB2_CA_CERTS": str(way.bundle),
        "NODE_EXTRA_CA_CERTS": str(way.authority),
        "NODE_USE_ENV_PROXY": "1",
        "JAVA_TOOL_OPTIONS": _java_options(way),
    }


def settings_for(runtime: str, way: WayIn) -> str:
    """Return the settings of one runtime, ready to paste, with what to know about it as comments."""
    return _RUNTIMES[runtime](way)


def ensure_truststore(way: WayIn, *, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Make Java's truststore, the runtime's CAs and the edge's, where it is missing; None without a keytool."""
    from assay.edge import find_java

    if way.truststore.is_file() and way.truststore.stat().st_mtime >= way.authority.stat().st_mtime:
        return way.truststore
    try:
        java = find_java(environ)
        keytool = java.keytool
    except InfrastructureError:
        return None
    draft = way.truststore.with_suffix(".part")
    draft.unlink(missing_ok=True)
    roots = java.home / "lib" / "security" / "cacerts"
    if roots.is_file():
        shutil.copyfile(roots, draft)
    command = [
        *(str(keytool), "-importcert", "-noprompt", "-alias", "assay-edge", "-file", str(way.authority)),
        *("-keystore", str(draft), "-storepass", _TRUST_PASSWORD),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise InfrastructureError(
            "Java's truststore could not be made", where=" ".join(command[:2]), seen=(done.stdout + done.stderr)[:400]
        )
    draft.replace(way.truststore)
    return way.truststore


def _java_options(way: WayIn) -> str:
    return " ".join(
        (
            f"-Dhttps.proxyHost={way.host} -Dhttps.proxyPort={way.port}",
            "-Dhttp.nonProxyHosts=localhost|127.*",
            f"-Djavax.net.ssl.trustStore={way.truststore}",
            f"-Djavax.net.ssl.trustStorePassword={_TRUST_PASSWORD}",
        )
    )


def _exports(way: WayIn, *names: str) -> list[str]:
    known = variables(way)
    return [f"export {name}='{known[name]}'" for name in names]


_PROXY = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")


def _shell(way: WayIn) -> str:
    names = (*_PROXY, "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
    return "\n".join([*_exports(way, *names), *_exports(way, "NODE_USE_ENV_PROXY")])


def _docker(way: WayIn) -> str:
    place = "/etc/assay/ca-bundle.pem"
    network = "" if way.is_open else "--network host "
    return f"""\
{_reach(way, "--network")}
docker run {network}\\
  -e HTTPS_PROXY={way.proxy} -e https_proxy={way.proxy} \\
  -e NO_PROXY={_DIRECT} -e no_proxy={_DIRECT} \\
  -e SSL_CERT_FILE={place} -e REQUESTS_CA_BUNDLE={place} -e CURL_CA_BUNDLE={place} \\
  -e NODE_EXTRA_CA_CERTS={place} -e NODE_USE_ENV_PROXY=1 \\
  -v {way.bundle}:{place}:ro IMAGE"""


def _compose(way: WayIn) -> str:
    place = "/etc/assay/ca-bundle.pem"
    network = "" if way.is_open else "    network_mode: host\n"
    return f"""\
# compose.assay.yaml: docker compose -f compose.yaml -f compose.assay.yaml up
{_reach(way, "network_mode")}
# Other services of your file belong into NO_PROXY.
services:
  shop:   # the name of your service
{network}    environment:
      HTTPS_PROXY: {way.proxy}
      https_proxy: {way.proxy}
      NO_PROXY: {_DIRECT}
      no_proxy: {_DIRECT}
      SSL_CERT_FILE: {place}
      REQUESTS_CA_BUNDLE: {place}
      CURL_CA_BUNDLE: {place}
      NODE_EXTRA_CA_CERTS: {place}
      NODE_USE_ENV_PROXY: "1"
    volumes:
      - {way.bundle}:{place}:ro"""


def _reach(way: WayIn, key: str) -> str:
    if way.is_open:
        return f"# The edge lets containers in at {way.host} (edge.bind and edge.allow in assay.toml)."
    return f"""\
# Linux: the edge listens on this machine's loopback, so the container shares its network; or let it in at the address
# of Docker's bridge: edge = {{ bind = "172.17.0.1", allow = ["172.17.0.0/16"] }} in assay.toml. With Docker Desktop
# leave {key} out and write host.docker.internal for {way.host}."""


def _java(way: WayIn) -> str:
    made = ensure_truststore(way)
    note = f"# {way.truststore} holds the runtime's CAs and the edge's."
    if made is None:
        note = f"""\
# No keytool was found here, so make the truststore yourself, from your runtime's own:
cp "$JAVA_HOME/lib/security/cacerts" {way.truststore}
keytool -importcert -noprompt -alias assay-edge -file {way.authority} \\
  -keystore {way.truststore} -storepass {_TRUST_PASSWORD}"""
    return f"""\
{note}
# java.net.http, HttpURLConnection and OkHttp read these. Apache HttpClient needs useSystemProperties(), Reactor Netty
# proxyWithSystemProperties(). A framework that sets its own SSLContext must be given the truststore itself.
export JAVA_TOOL_OPTIONS='{_java_options(way)}'"""


def _node(way: WayIn) -> str:
    return "\n".join(
        [
            "# Node reads no proxy by itself. NODE_USE_ENV_PROXY=1 makes it: fetch since 24.0, node:https since 24.5.",
            "# Older: undici's setGlobalDispatcher(new EnvHttpProxyAgent()) for fetch, an https-proxy-agent else.",
            "# stripe-node: new Stripe(key, {httpAgent: new HttpsProxyAgent(process.env.HTTPS_PROXY)}).",
            *_exports(way, *_PROXY, "NODE_EXTRA_CA_CERTS", "NODE_USE_ENV_PROXY"),
        ]
    )


def _php(way: WayIn) -> str:
    return f"""\
; php.ini, or php -d NAME=VALUE for one command
curl.cainfo = "{way.bundle}"
openssl.cafile = "{way.bundle}"
; libcurl (Guzzle, Symfony HttpClient) reads https_proxy; PHP's own streams read no proxy. stripe-php brings its own CA
; bundle: \\Stripe\\Stripe::setCABundlePath('{way.bundle}');
; php-fpm empties the environment; in the pool's file:
env[https_proxy] = {way.proxy}
env[HTTPS_PROXY] = {way.proxy}
env[no_proxy] = {_DIRECT}"""


def _dotnet(way: WayIn) -> str:
    return "\n".join(
        [
            "# HttpClient reads HTTPS_PROXY unless UseProxy is false; SSL_CERT_FILE counts on Linux alone: elsewhere",
            f"# add {way.authority} to the system's trusted roots.",
            *_exports(way, "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"),
        ]
    )


def _go(way: WayIn) -> str:
    return "\n".join(
        [
            "# http.DefaultTransport reads HTTPS_PROXY; your own Transport needs Proxy: http.ProxyFromEnvironment.",
            "# SSL_CERT_FILE counts on Linux and BSD alone: on macOS and Windows trust the CA in the system's store.",
            *_exports(way, "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"),
        ]
    )


def _ruby(way: WayIn) -> str:
    return "\n".join(
        [
            "# Net::HTTP takes its proxy from http_proxy, for https, too; Faraday and HTTParty read https_proxy.",
            f"# stripe-ruby brings its own CA bundle: Stripe.ca_bundle_path = '{way.bundle}'",
            *_exports(way, "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE"),
        ]
    )


def _python(way: WayIn) -> str:
    return "\n".join(
        [
            "# requests, httpx and urllib read these; aiohttp needs ClientSession(trust_env=True).",
            f"# stripe brings its own CA bundle: stripe.ca_bundle_path = '{way.bundle}'",
            *_exports(way, *_PROXY, "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "HTTPLIB2_CA_CERTS"),
        ]
    )


_RUNTIMES: Mapping[str, Callable[[WayIn], str]] = {
    "shell": _shell,
    "docker": _docker,
    "compose": _compose,
    "java": _java,
    "node": _node,
    "php": _php,
    "dotnet": _dotnet,
    "go": _go,
    "ruby": _ruby,
    "python": _python,
}
RUNTIMES = tuple(_RUNTIMES)
