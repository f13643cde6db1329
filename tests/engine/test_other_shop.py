"""A shop that nobody wrote for Assay is put under test by a connector of its own; its ten defects are looked for."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from assay.edge.sockets import free_port

ROOT = Path(__file__).resolve().parents[2]
ASSAY = Path(sys.executable).with_name("assay")
KEY = "werkladen-test-key"
# Nothing of the machine's own proxies may reach the shop or the tool; these are the simulators' published test values.
SECRETS = {
    "OTHER_SHOP_KEY": KEY,
    "STRIPE_API_KEY": "sk_test_assay",
    "STRIPE_WEBHOOK_SECRET": "whsec_assay",
    "SAP_USER": "ASSAY",
    "SAP_PASSWORD": "secret-assay",
    "UPS_CLIENT_ID": "assay-client",
    "UPS_CLIENT_SECRET": "assay-secret",
    "UPS_ACCOUNT": "A1B2C3",
}
SALES_ORDER = ("sap_s4hana", ".*/A_SalesOrder", "verbuchen")
LABEL = ("ups", ".*/ship", "versenden")
# Each defect: the case that meets it, the answer that is lost, and the oracles that must catch it. The last piece is
# seen by the flow's own step: the shop keeps no list of movements, which is what the oracles of stock are made of.
DEFECTS: dict[str, tuple[str, tuple[str, str, str] | None, set[str]]] = {
    "yen_hundredfold": ("werkladen[jpy]", None, {"O-M1"}),
    "charged_in_euro": ("werkladen[chf]", None, {"O-M1"}),
    "tax_on_top": ("werkladen[eur]", None, {"O-E2"}),
    "accents_refused": ("werkladen[eur]", None, {"O-O1", "O-O2"}),
    "booked_twice": ("werkladen[eur]", SALES_ORDER, {"O-O1"}),
    "label_bought_twice": ("werkladen[eur]", LABEL, {"O-K4"}),
    "address_cut": ("werkladen[long_street]", None, {"O-K2"}),
    "last_piece_twice": ("last_piece", None, {"step"}),
    "paid_left_open": ("werkladen[eur]", None, {"O-O4"}),
    "refund_not_noted": ("taken_back", None, {"O-O4"}),
}


class Bench:
    """A copy of the suite, its landscape, and the shop at a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        shutil.copytree(ROOT / "tests/apps/werkladen_suite", folder)
        profile = folder / "assay.toml"
        profile.write_text(profile.read_text().replace("127.0.0.1:8000", f"127.0.0.1:{self.port}"))
        kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        self.variables = {**kept, **SECRETS}

    def assay(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the tool in the project's folder."""
        return subprocess.run(
            [str(ASSAY), *words, "--env", "mine"],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    @contextmanager
    def shop(self, defect: str) -> Iterator[None]:
        """Have the shop run behind the edge while the block runs, on the data it had before."""
        settings = self._proxy()
        command = [sys.executable, "-m", "tests.apps.other_shop", "--port", str(self.port), "--defect", defect]
        running = subprocess.Popen(
            [*command, "--db", str(self.folder / "shop.sqlite")],
            cwd=ROOT,
            env={**self.variables, **settings, "OTHER_SHOP_RETRY_S": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert running.stdout is not None
            assert running.stdout.readline().startswith("http://")
            yield
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(timeout=20)
            assert running.stdout is not None
            running.stdout.close()

    def _proxy(self) -> dict[str, str]:
        """Return what `assay proxy env` exports."""
        lines = self.assay("proxy", "env", "--for", "python").stdout.splitlines()
        pairs = [line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export ")]
        return {name: value.strip("'") for name, value in pairs}

    def verdict(self, *cases: str, lost: tuple[str, str, str] | None = None) -> dict[str, Any]:
        """Run cases and return the verdict as programs read it; of the job that names `lost` the first answer is."""
        if lost:
            system, path, job = lost
            put = self.assay("faults", "add", "drop", system, "--method", "POST", "--path", path)
            assert put.returncode == 0, put.stderr
        running = subprocess.Popen(
            [str(ASSAY), "run", *cases, "-n", "2", "--env", "mine", "--json", "verdict.json"],
            cwd=self.folder,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if lost:
            self._until_tried_again(job)
            self.assay("faults", "clear")
        said, _ = running.communicate(timeout=180)
        assert running.returncode in (0, 1), said
        told: dict[str, Any] = json.loads((self.folder / "verdict.json").read_text())
        return told

    def _until_tried_again(self, job: str) -> None:
        """Wait until the shop noticed that an answer is missing."""
        deadline = time.monotonic() + 60
        query = {"query": "{ jobs { kind attempts } }"}
        with httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers={"X-Shop-Key": KEY}, trust_env=False
        ) as shop:
            while time.monotonic() < deadline:
                jobs = shop.post("/graphql", json=query).json()["data"]["jobs"]
                if any(each["kind"] == job and each["attempts"] for each in jobs):
                    return
                time.sleep(0.05)
        pytest.fail(f"no job '{job}' had to be tried again: the answer was not lost")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The suite beside a landscape that is up."""
    made = Bench(tmp_path_factory.mktemp("werkladen") / "suite")
    started = made.assay("up")
    try:
        assert started.returncode == 0, started.stderr
        yield made
    finally:
        made.assay("down", "--forget")


def _caught_by(verdict: dict[str, Any]) -> set[str]:
    by_step = {"step"} if verdict["failed_steps"] else set()
    return {each["oracle"] for each in verdict["findings"]} | by_step


@pytest.mark.full
def test_another_shop_is_green_and_its_defects_are_caught(bench: Bench) -> None:
    """Healthy, also when an answer is lost, the shop passes; of ten defects at least eight are caught, by name."""
    with bench.shop(""):
        healthy = bench.verdict()
        assert healthy["exit_code"] == 0, healthy["findings"] + healthy["failed_steps"]
        for answer in (SALES_ORDER, LABEL):
            after_loss = bench.verdict("werkladen[eur]", lost=answer)
            assert after_loss["findings"] == [], after_loss["findings"]
    caught: dict[str, set[str]] = {}
    for defect, (case, lost, _) in DEFECTS.items():
        with bench.shop(defect):
            verdict = bench.verdict(case, lost=lost)
        caught[defect] = _caught_by(verdict)
        for each in verdict["findings"] + verdict["failed_steps"]:
            sys.stdout.write(f"{defect} | {each.get('oracle', 'step')} | {each}\n")  # seen where the test fails
    as_expected = {name for name, (_, _, oracles) in DEFECTS.items() if caught[name] >= oracles}
    assert len(as_expected) >= 8, caught
    assert all(caught.values()), caught
