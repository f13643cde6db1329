"""A new project: complete, green at once, never written over, and made from an OpenAPI document where there is one."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from assay.cli import cli
from assay.profile import load_profile
from tests.conftest import run_assay, type_assay

SCHEMAS = {
    ".github/workflows/assay.yml": "vendor.github-workflows",
    ".gitlab-ci.yml": "vendor.gitlab-ci",
}
FILES = {
    "assay.toml",
    "connectors/my_shop.py",
    "scenarios/my_shop.py",
    "scenarios/test_my_shop.py",
    "load/my_shop.py",
    "monitors/my_shop.toml",
    "monitors/runbooks/my_shop.md",
    "requirements.txt",
    "pytest.ini",
    ".env.example",
    ".gitignore",
    "README.md",
}


def _init(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    return type_assay("init", "--yes", *flags, cwd=folder)


def _files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_an_empty_folder_becomes_a_project(tmp_path: Path) -> None:
    """Every file is there and listed, the Python of it is Python, and the profile is one."""
    done = _init(tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(_files(tmp_path)) == FILES
    assert all(f"written        {name}" in done.stdout for name in FILES)
    for name, text in _files(tmp_path).items():
        if name.endswith(".py"):
            ast.parse(text)
            assert max(map(len, text.splitlines())) <= 120, name
    assert set(load_profile(tmp_path / "assay.toml").environments) == {"local", "mine", "staging"}
    assert type_assay("profile", "check", cwd=tmp_path).returncode == 0


def test_what_exists_is_kept(tmp_path: Path) -> None:
    """A file of the user's is listed as kept and stays as it is, a second time too; exit 0."""
    (tmp_path / "README.md").write_text("mine\n")
    first = _init(tmp_path)
    assert first.returncode == 0
    assert "kept           README.md" in first.stdout
    assert (tmp_path / "README.md").read_text() == "mine\n"
    before = _files(tmp_path)
    again = _init(tmp_path, "--ci", "none")
    assert again.returncode == 0
    assert "written " not in again.stdout
    assert _files(tmp_path) == before


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    """--dry-run lists what would be written and leaves the folder empty."""
    done = _init(tmp_path, "--dry-run", "--ci", "jenkins")
    assert done.returncode == 0
    assert all(f"to be written  {name}" in done.stdout for name in {*FILES, "Jenkinsfile"})
    assert list(tmp_path.iterdir()) == []


def test_nobody_there_to_answer_is_exit_2(tmp_path: Path) -> None:
    """Without --yes and without a terminal the question is named, and nothing is written."""
    done = run_assay("init", cwd=tmp_path)
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_answers_are_asked_for(tmp_path: Path) -> None:
    """What no flag says is asked; an answer decides, Enter takes the default."""
    folder = tmp_path / "café"
    done = CliRunner().invoke(cli, ["init", str(folder)], input="http\n\nnone\nnone\ngithub\n")
    assert done.exit_code == 0, done.output
    assert "Carrier" in done.output
    assert (folder / ".github/workflows/assay.yml").is_file()
    flow = (folder / "scenarios/my_shop.py").read_text()
    ast.parse(flow)
    assert "payments: Payments" in flow
    assert "Erp" not in flow and "Carrier" not in flow
    profile = load_profile(folder / "assay.toml")
    assert profile.name == "café"
    assert set(profile.environment("mine").systems) == {"my_shop", "stripe"}


@pytest.mark.parametrize(
    "flags", [(), ("--gateway", "none", "--erp", "none", "--carrier", "none")], ids=["all", "bare"]
)
def test_the_flow_is_watched_as_it_stands(tmp_path: Path, flags: Sequence[str]) -> None:
    """The generated monitor is whole: its plan names the flow, what it orders and the runbook that was written."""
    _init(tmp_path, *flags)
    done = run_assay("monitor", "plan", "--env", "local", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 monitor on local" in done.stdout
    assert "flow my_shop, cases eur" in done.stdout
    assert "12 an hour in EUR" in done.stdout
    assert "my_shop.md" in done.stdout
    other = run_assay("monitor", "plan", "--env", "mine", cwd=tmp_path)
    assert other.returncode == 0, other.stderr


def test_a_shop_may_be_driven_by_its_pages(tmp_path: Path) -> None:
    """The connector of --shop browser is Python over pages; its extra is asked for, and no load is made by it."""
    done = _init(tmp_path, "--shop", "browser", "--ci", "gitlab")
    assert done.returncode == 0, done.stderr
    connector = (tmp_path / "connectors/my_shop.py").read_text()
    ast.parse(connector)
    assert "class MyShop(PagedShop)" in connector
    assert max(map(len, connector.splitlines())) <= 120
    assert "browser" in (tmp_path / "requirements.txt").read_text()
    assert "chromium" in (tmp_path / ".gitlab-ci.yml").read_text()
    assert load_profile(tmp_path / "assay.toml").gate.load_s == 0


def test_an_unknown_vendor_is_suggested(tmp_path: Path) -> None:
    """A vendor Assay does not bring is exit 2 with the nearest one, and nothing is written."""
    done = _init(tmp_path, "--gateway", "strip")
    assert done.returncode == 2
    assert "did you mean 'stripe'?" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_a_pipeline_file_keeps_its_schema(tmp_path: Path, system: str) -> None:
    """GitHub's and GitLab's published schemas, as check-jsonschema brings them, accept what is generated."""
    _init(tmp_path, "--ci", system)
    (path,) = (name for name in SCHEMAS if (tmp_path / name).exists())
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[path], str(tmp_path / path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("system", "path"),
    [("github", ".github/workflows/assay.yml"), ("gitlab", ".gitlab-ci.yml"), ("jenkins", "Jenkinsfile")],
)
def test_a_pipeline_does_its_five_parts(tmp_path: Path, system: str, path: str) -> None:
    """Cache of Java and jar, the gate, JUnit, a summary and the HTML report are in every pipeline file."""
    _init(tmp_path, "--ci", system)
    text = (tmp_path / path).read_text()
    for part in ("XDG_CACHE_HOME", ".cache", "assay gate", "junit.xml", "summary.md", "reports/out/latest"):
        assert part in text, part


SHOP = """\
openapi: 3.0.3
info: {title: Corner shop, version: "2"}
servers: [{url: "https://api.corner.example/v2/"}]
paths:
  /products: {get: {operationId: listProducts, responses: {"200": {description: ok}}}}
  /orders/{orderNumber}/cancel: {post: {operationId: cancelOrder, responses: {"200": {description: ok}}}}
  /orders:
    get:
      operationId: findOrders
      parameters: [{name: createdFrom, in: query, schema: {type: string}}]
      responses: {"200": {description: ok}}
    post:
      operationId: createOrder
      tags: [Orders]
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/NewOrder"}}}}
      responses: {"201": {description: made}}
  /orders/{orderNumber}:
    get:
      operationId: getOrder
      responses:
        "200": {description: ok, content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}
components:
  schemas:
    NewOrder:
      type: object
      required: [customerEmail, items, channel]
      properties:
        customerEmail: {type: string}
        currencyCode: {type: string}
        channel: {type: string}
        items:
          type: array
          items: {type: object, properties: {productId: {type: string}, qty: {type: integer}}}
        shippingAddress:
          type: object
          example: {since: 2023-02-30}
          properties: {street: {type: string}, zip: {type: string}, city: {type: string}}
    Order:
      type: object
      properties:
        orderNumber: {type: string}
        state: {type: string}
        createdAt: {type: string}
        grandTotal: {type: string}
        currency: {type: string}
        lineItems: {type: array, items: {type: object, properties: {sku: {type: string}, qty: {type: integer}}}}
"""


def test_an_openapi_document_proposes_the_paths(tmp_path: Path) -> None:
    """Path and reason of each function are said; the connector uses them, the document's words, and its address."""
    (tmp_path / "shop.yaml").write_text(SHOP)
    done = _init(tmp_path / "new", "--from", str(tmp_path / "shop.yaml"))
    assert done.returncode == 0, done.stderr
    for said in ("POST /orders", "GET /orders/{orderNumber}", "GET /orders ", "it filters by createdFrom", "channel"):
        assert said in done.stdout, said
    connector = (tmp_path / "new/connectors/my_shop.py").read_text()
    ast.parse(connector)
    for piece in (
        'PLACE = ("POST", "/orders")',
        'ORDER = "/orders/{orderNumber}"',
        'ORDERS = "/orders"',
        '"customerEmail": purchase.email',
        '"items": [{"productId": sku, "qty": quantity} for sku, quantity in purchase.lines]',
        '"zip": purchase.postcode',
        'shown["grandTotal"]',
        'shown["createdAt"]',
        'shown.get("lineItems")',
    ):
        assert piece in connector, piece
    systems = load_profile(tmp_path / "new/assay.toml").environment("local").systems
    assert systems["my_shop"].base_url == "https://api.corner.example/v2"


def test_a_schema_may_have_any_name(tmp_path: Path) -> None:
    """A reference is followed to a name with a slash, a tilde or brackets, as documents of .NET and Java have them."""
    written = SHOP.replace("#/components/schemas/NewOrder", "#/components/schemas/v2~1New~0Order%5BLine%5D")
    (tmp_path / "shop.yaml").write_text(written.replace("    NewOrder:", "    v2/New~Order[Line]:"))
    done = _init(tmp_path / "new", "--from", str(tmp_path / "shop.yaml"))
    assert done.returncode == 0, done.stderr
    assert '"customerEmail": purchase.email' in (tmp_path / "new/connectors/my_shop.py").read_text()


WEATHER = """\
openapi: 3.1.0
info: {title: Weather, version: "1"}
paths: {/forecast: {get: {operationId: getForecast}}, /stations: {post: {operationId: addStation}}}
"""
STRIPES = """\
{"openapi": "3.0.0", "info": {"title": "Gateway"}, "servers": [{"url": "https://api.stripe.com/"}],
 "paths": {"/v1/climate/orders": {"post": {"operationId": "PostClimateOrders"}}}}
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WEATHER, ["describes no shop", "none of its 2 operations places or reads an order", "'Weather'"]),
        (STRIPES, ["is the document of stripe, not of your shop"]),
        ("a: 1\nb: 2\n", ["is no OpenAPI document", "a, b"]),
        ("- 1\n", ["is no OpenAPI document", "list"]),
        ("openapi: [1\n", ["is neither YAML nor JSON", "line 2"]),
        ("openapi: 3.0.0\n", ["has no paths"]),
        (None, ["there is no "]),
    ],
    ids=["other_api", "vendor", "other_yaml", "list", "broken", "no_paths", "no_file"],
)
def test_a_document_of_something_else_is_exit_2(tmp_path: Path, text: str | None, said: Sequence[str]) -> None:
    """A file that is no OpenAPI, of another API or a vendor's: one clear sentence, and nothing is written."""
    document = tmp_path / "document.yaml"
    if text is not None:
        document.write_text(text)
    done = _init(tmp_path / "new", "--from", str(document))
    assert done.returncode == 2
    first = done.stderr.splitlines()[0]
    assert str(document) in first
    assert all(piece in done.stderr for piece in said), done.stderr
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.needs_java
@pytest.mark.xdist_group("gate")
def test_the_gate_is_green_at_once(tmp_path: Path) -> None:
    """The generated project's own flow passes every case against the simulated landscape; exit 0."""
    _init(tmp_path)
    done = run_assay("gate", "--load", "0", "--json", "verdict.json", cwd=tmp_path, timeout_s=180)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "my_shop[eur]" in done.stdout and "my_shop[jpy]" in done.stdout
    assert "F01" not in done.stdout
    assert (tmp_path / "reports/out/latest/junit.xml").is_file()
