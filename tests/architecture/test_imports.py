"""Who may import whom: every contract of pyproject.toml holds, and each is seen to catch a planted violation."""

from __future__ import annotations

import graphlib
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import grimp
import pytest

ROOT = Path(__file__).parents[2]
_FOLDERS = ("src/assay", "mocks", "scenarios", "load")
# import-linter, with our tree first on the path: an editable install would put the real one there.
_LINT = """
import sys
sys.path[:0] = [sys.argv[1] + "/src", sys.argv[1]]
from importlinter.cli import lint_imports
sys.exit(lint_imports(config_filename=sys.argv[1] + "/pyproject.toml", no_cache=True))
"""

LAYERS = "Layers of the engine"
WITNESSES = "Independent witnesses"
KIT = "simkit is for mocks only"
SUITE = "The engine never imports a suite"
CONNECTORS = "Connectors do not import each other"
LOCUST = "Only the Locust runner"

PLANTED = [
    ("mocks/ecb/planted.py", "import assay.connectors.ecb", WITNESSES),
    ("mocks/ecb/planted.py", "from assay.money import Money", WITNESSES),
    ("mocks/ecb/planted.py", "import httpx", WITNESSES),
    ("mocks/stripe/planted.py", "def later():\n    import stripe", WITNESSES),
    ("mocks/stripe/planted.py", "import requests", WITNESSES),
    ("mocks/merchant/planted.py", "import assay.http", WITNESSES),
    ("mocks/merchant/planted.py", "import locust", LOCUST),
    ("src/assay/connectors/planted.py", "import assay.connectors.stripe", CONNECTORS),
    ("src/assay/connectors/planted.py", "from assay.simkit import World", KIT),
    ("src/assay/local/planted.py", "import assay.simkit.clock", KIT),
    ("src/assay/edge/planted.py", "def later():\n    import mocks.ecb.simulator", SUITE),
    ("src/assay/runners/planted.py", "import scenarios.thread", SUITE),
    ("src/assay/oracles/planted.py", "import assay.http", LAYERS),
    ("src/assay/money.py", "import assay.records", LAYERS),
    ("src/assay/runners/planted.py", "import assay.cli", LAYERS),
    ("src/assay/connectors/planted.py", "import assay.edge", LAYERS),
    ("src/assay/http.py", "import assay.landscape", LAYERS),
    ("src/assay/runners/planted.py", "import locust", LOCUST),
    ("scenarios/planted.py", "import gevent", LOCUST),
]


def _broken(root: Path) -> set[str]:
    """Return the contracts import-linter finds broken in a tree; an error of its own fails the test."""
    done = subprocess.run(
        [sys.executable, "-c", _LINT, str(root)], cwd=root, capture_output=True, text=True, timeout=120
    )
    verdicts = [line for line in done.stdout.splitlines() if line.endswith((" KEPT", " BROKEN")) or "(" in line]
    assert any(" KEPT" in line for line in verdicts), done.stdout + done.stderr
    broken = {line.rpartition(" BROKEN")[0] for line in verdicts if " BROKEN" in line}
    assert (done.returncode == 0) is (not broken), done.stdout + done.stderr
    return broken


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree's Python files, to plant violations in."""
    copy = tmp_path_factory.mktemp("tree")
    for folder in _FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "*.json", "*.sql"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def test_every_contract_is_kept() -> None:
    """The real tree breaks no contract."""
    assert _broken(ROOT) == set()


def test_every_contract_is_tried() -> None:
    """No contract of pyproject.toml is without a planted violation here, or it may be one that never bites."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    tried = tuple({contract for _, _, contract in PLANTED})
    assert [contract["name"] for contract in linter["contracts"] if not contract["name"].startswith(tried)] == []


@pytest.mark.parametrize(("path", "code", "contract"), PLANTED, ids=[f"{path}: {code}" for path, code, _ in PLANTED])
def test_a_violation_is_caught(tree: Path, path: str, code: str, contract: str) -> None:
    """A forbidden import, at the top or inside a function, breaks the contract that forbids it."""
    file = tree / path
    before = file.read_text() if file.exists() else None
    file.write_text(f"{before or ''}\n{code}\n")
    try:
        broken = _broken(tree)
    finally:
        if before is None:
            file.unlink()
        else:
            file.write_text(before)
    assert any(name.startswith(contract) for name in broken), f"broken: {broken or 'none'}"


@pytest.fixture(scope="module")
def graph() -> Any:
    """The import graph of engine and simulators, imports inside functions included."""
    return grimp.build_graph("assay", "mocks", include_external_packages=True, cache_dir=None)


def _ours(graph: Any, package: str) -> set[str]:
    modules = {package, *graph.find_descendants(package)}
    found = {name for module in modules for name in graph.find_modules_directly_imported_by(module)}
    return {name for name in found - modules if name.split(".")[0] in ("assay", "mocks")}


def test_connectors_can_be_copied_out(graph: Any) -> None:
    """A shipped connector imports roles, records, money and http of ours alone, as a user's own does."""
    allowed = {"assay", "assay.roles", "assay.records", "assay.money", "assay.http", "assay.errors"}
    for name in graph.find_children("assay.connectors"):
        assert _ours(graph, name) <= allowed, name


def test_simkit_lends_nobody_the_engine(graph: Any) -> None:
    """Simkit imports nothing of the engine, or simulators would share code with witnesses and judges through it."""
    assert _ours(graph, "assay.simkit") == set()


def test_simulators_share_no_code(graph: Any) -> None:
    """No vendor's simulator imports another's, nor the merchant, nor the merchant a simulator."""
    for vendor in graph.find_children("mocks"):
        assert {name for name in _ours(graph, vendor) if not name.startswith("assay.simkit")} == set(), vendor


def test_one_module_opens_connections(graph: Any) -> None:
    """In the engine only the transport knows an HTTP library, but for webhooks out and the trace exporter's session."""
    libraries = {"httpx", "requests", "aiohttp", "urllib3"} & graph.modules
    importers = {name for library in libraries for name in graph.find_modules_that_directly_import(library)}
    assert {name for name in importers if name.startswith("assay.")} <= {
        "assay.transport",
        "assay.simkit.delivery",
        "assay.reporting.traces",
    }


def test_no_cycles(graph: Any) -> None:
    """No module is reached again by following its imports, below the packages' own __init__."""
    edges = {
        module: graph.find_modules_directly_imported_by(module) & graph.modules
        for module in graph.modules
        if module.split(".")[0] in ("assay", "mocks")
    }
    try:
        tuple(graphlib.TopologicalSorter(edges).static_order())
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
