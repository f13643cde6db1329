"""The shape of the repository: short modules and functions, honest names, documented surfaces, whole vendor folders."""

from __future__ import annotations

import ast
import functools
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ("src", "mocks", "scenarios", "load", "monitors", "tests", "benchmarks", "scripts")
MODULES = sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts)
TESTS = [path for path in MODULES if path.name.startswith("test_")]
PRODUCT = [path for path in MODULES if path.relative_to(ROOT).parts[0] in ("src", "mocks", "scenarios", "load")]
VENDORS = sorted(path for path in (ROOT / "mocks").iterdir() if path.is_dir() and path.name != "__pycache__")
LONGEST_MODULE, LONGEST_FUNCTION = 500, 60
FORBIDDEN_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "misc"}
# import assay, counted without a stopwatch: modules loaded beyond those of a bare interpreter.
LIGHTEST = 60
pytestmark = pytest.mark.xdist_group("layout")  # every module is parsed once, not once in each process
HEAVY = ("locust", "gevent", "httpx", "pydantic", "sqlalchemy", "rich", "starlette", "uvicorn", "mocks", "scenarios")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is asked of a module: whether it is silent about itself, its functions, and its public names without a word.

    functions: name, lines and docstring of each, those of classes and of other functions among them.
    """

    is_silent: bool
    functions: tuple[tuple[str, int, str], ...]
    undocumented: tuple[str, ...]


@functools.cache
def _facts(path: Path) -> _Facts:
    """Return what is asked of a module; its tree is let go: all of them would slow down every test after these."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    public = (
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_")
    )
    return _Facts(
        is_silent=bool(tree.body) and not ast.get_docstring(tree),
        functions=tuple(
            (each.name, (each.end_lineno or each.lineno) - each.lineno + 1, ast.get_docstring(each) or "")
            for each in functions
        ),
        undocumented=tuple(node.name for node in public if not ast.get_docstring(node)),
    )


def test_no_module_is_long() -> None:
    """No module has more than 500 lines, tests included."""
    lengths = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_no_function_is_long() -> None:
    """No function has more than 60 lines, its docstring included."""
    long = {
        f"{_name(path)}:{name}": length
        for path in MODULES
        for name, length, _ in _facts(path).functions
        if length > LONGEST_FUNCTION
    }
    assert long == {}


def test_names_say_what_a_module_is_for() -> None:
    """No module or folder is called utils, helpers, common or manager, nor ends so."""
    parts = {part for path in MODULES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert [part for part in parts if not FORBIDDEN_NAMES.isdisjoint(part.lower().split("_"))] == []


def test_no_stub_or_reminder_is_left() -> None:
    """No code says that something is still to be done, and nothing is left unimplemented."""
    words = ("TO" + "DO", "FIX" + "ME", "X" + "XX ", "NotImplemented" + "Error")
    assert [_name(path) for path in MODULES if any(word in path.read_text(encoding="utf-8") for word in words)] == []


def test_every_module_says_what_it_is_for() -> None:
    """Every module of product and tests begins with a docstring."""
    assert [_name(path) for path in MODULES if _facts(path).is_silent] == []


def test_public_names_are_documented() -> None:
    """Every public class and function of the product at module level has a docstring."""
    assert [f"{_name(path)}:{name}" for path in PRODUCT for name in _facts(path).undocumented] == []


def test_every_test_states_its_property() -> None:
    """Every test has a docstring whose first line is a whole sentence."""
    silent = [
        f"{_name(path)}:{name}"
        for path in TESTS
        for name, _, said in _facts(path).functions
        if name.startswith("test_") and not said.partition("\n\n")[0].rstrip().endswith(".")
    ]
    assert silent == []


def test_test_folders_are_no_packages() -> None:
    """Tests are collected with importlib: an __init__.py would only invite imports between them."""
    assert [_name(path) for path in (ROOT / "tests").rglob("__init__.py")] == []


def test_suites_are_open_to_the_users_own() -> None:
    """The tops of a suite are namespaces, so that a user's mocks/my_erp stands beside the shipped mocks/stripe."""
    assert [top for top in ("mocks", "scenarios", "load", "monitors") if (ROOT / top / "__init__.py").exists()] == []


@pytest.mark.parametrize("vendor", VENDORS, ids=[path.name for path in VENDORS])
def test_a_vendor_folder_is_whole(vendor: Path) -> None:
    """Every vendor has the fixed shape and a witness; the merchant has its own document, defects and witness."""
    wanted = ["__init__.py", "README.md"]
    wanted += ["openapi.yaml", "defects"] if vendor.name == "merchant" else ["contract.yaml", "simulator.py", "stubs"]
    assert [name for name in wanted if not (vendor / name).exists()] == []
    connector = ROOT / "src" / "assay" / "connectors" / vendor.name
    assert connector.with_suffix(".py").exists() or (connector / "__init__.py").exists()
    if vendor.name != "merchant":
        assert list((vendor / "stubs").glob("*.json")), "stubs/ holds the error cases"


@pytest.mark.parametrize("vendor", VENDORS, ids=[path.name for path in VENDORS])
def test_a_stub_is_a_mapping(vendor: Path) -> None:
    """Every stub is JSON with a request and a response, and carries no fault a proxied stub would ignore."""
    for path in (vendor / "stubs").glob("*.json") if (vendor / "stubs").exists() else ():
        content = json.loads(path.read_text(encoding="utf-8"))
        for stub in content.get("mappings", [content]):
            assert {"request", "response"} <= set(stub), _name(path)
            if "proxyBaseUrl" in stub["response"]:
                assert not {"fault", "status", "body"} & set(stub["response"]), _name(path)


def test_connectors_and_simulators_pair_up() -> None:
    """No witness is without a simulator to try it on."""
    folder = ROOT / "src" / "assay" / "connectors"
    connectors = {path.stem for path in folder.glob("*.py")} - {"__init__"} | {
        each.parent.name for each in folder.glob("*/__init__.py")
    }
    assert connectors == {vendor.name for vendor in VENDORS}


def _loaded(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_assay_is_light() -> None:
    """`import assay` loads hardly more than a bare interpreter, and neither locust nor a vendor."""
    added = _loaded("import assay") - _loaded("")
    assert len(added) < LIGHTEST, sorted(added)
    assert [name for name in added if name.split(".")[0] in HEAVY or name.startswith("assay.connectors")] == []


def test_help_is_light() -> None:
    """The command line loads no library of a command before that command runs."""
    added = _loaded("import assay.cli")
    heavy = (set(HEAVY) | {"psutil", "apscheduler", "orjson"}) - {"rich"}
    assert [name for name in added if name.split(".")[0] in heavy] == []
