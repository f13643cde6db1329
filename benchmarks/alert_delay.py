"""From a switched defect to the alert at its receiver, without Prometheus: at most two intervals and two seconds.

The reference landscape is read as a real one; `assay monitor` runs one monitor, and a defect of the shop's rates is
switched on and off again and again at instants spread over the interval. Three bad runs in a row fire, as by default;
a run is bad when a second read, half a second later, says the same.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assay.local.plan import MERCHANT
from assay.local.processes import admin
from assay.local.project import plan_for
from tests.rehearsal import NAME, ROOT, rehearsal
from tests.serving import Quiet, serving

EVERY_S, SETTLE_S, ROUNDS = 6.0, 0.5, 6
LIMIT_S = 2 * EVERY_S + 2
MONITOR, DEFECT = "fx_feed", "MON-27"


class _Clocked(Quiet):
    """Notes when each message came."""

    at: list[float]

    def do_POST(self) -> None:  # noqa: N802 (the name http.server looks for)
        """Note the instant."""
        self.at.append(time.monotonic())
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _next(at: list[float], known: int) -> float:
    deadline = time.monotonic() + 10 * EVERY_S
    while len(at) <= known:
        if time.monotonic() > deadline:
            raise SystemExit("no message came")
        time.sleep(0.01)
    return at[known]


def delays(switch: Callable[[bool], None], at: list[float]) -> tuple[list[float], list[float]]:
    """Return the seconds from each switch on to the alert, and from each switch off to the word that it is over."""
    fired: list[float] = []
    resolved: list[float] = []
    for number in range(ROUNDS):
        for on, seconds in ((True, fired), (False, resolved)):
            time.sleep(EVERY_S * number / ROUNDS)
            known, began = len(at), time.monotonic()
            switch(on)
            seconds.append(_next(at, known) - began)
    return fired, resolved


def main() -> int:
    """Measure and print."""
    at: list[float] = []
    handler: type[BaseHTTPRequestHandler] = type("Bound", (_Clocked,), {"at": at})
    with tempfile.TemporaryDirectory(prefix="assay-delay-") as name, serving(handler) as url:
        folder = Path(name)
        shipped = (ROOT / "monitors" / f"{MONITOR}.toml").read_text()
        lines = [f'interval = "{EVERY_S:g}s"' if line.startswith("interval") else line for line in shipped.split("\n")]
        text = "\n".join(line for line in lines if not line.startswith(("timeout", "jitter")))
        text = text.replace("options = { ", f'options = {{ settle = "{SETTLE_S:g}s", ')
        (folder / "monitors").mkdir()
        (folder / "monitors" / f"{MONITOR}.toml").write_text(text)
        # Switched this often a monitor would be told of as flapping, once.
        more = '[alerts]\nflaps = 100\n[alerts.routes.here]\nurl = "env:DELAY_ROUTE"\n'
        environ = {"DELAY_ROUTE": url.replace("http:", "json:", 1)}
        with rehearsal(folder, skus=["0018"], customers=["zoe@example.com"], more=more, environ=environ) as place:
            command = place.command("monitor", "--env", NAME, "--only", MONITOR, "--no-server")
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            process = subprocess.Popen(command, cwd=folder, env=place.environ, **quiet)  # type: ignore[call-overload]
            port = plan_for("local", folder / "assay.toml").home.read().port(MERCHANT, MERCHANT)
            assert port is not None
            try:
                time.sleep(2 * EVERY_S)
                fired, resolved = delays(
                    lambda on: admin(port, "POST", "defects", {"on" if on else "off": [DEFECT]}), at
                )
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait()
    print(f"interval {EVERY_S:g} s, {ROUNDS} times: alert after {', '.join(f'{each:.1f}' for each in fired)} s")
    print(f"resolved after {', '.join(f'{each:.1f}' for each in resolved)} s")
    print(f"slowest alert {max(fired):.1f} s   limit {LIMIT_S:g} s (two intervals and 2 s)")
    return 1 if max(fired) > LIMIT_S else 0


if __name__ == "__main__":
    sys.exit(main())
