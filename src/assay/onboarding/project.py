"""The files of a new project: profile, connector with the few functions to fill in, flow, load, monitor, pipeline.

As generated the connector talks to the reference shop, so that the first `assay gate` is green; it says which lines
to replace. Nothing that exists is ever written over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from assay import __version__
from assay.errors import InfrastructureError
from assay.onboarding.document import Proposal
from assay.onboarding.vendor import Vendor, shipped_vendors

SHOP = "my_shop"
PIPELINES = {
    "github": (".github/workflows/assay.yml", "github.yml.j2"),
    "gitlab": (".gitlab-ci.yml", "gitlab.yml.j2"),
    "jenkins": ("Jenkinsfile", "jenkinsfile.j2"),
}
_SHOPS = {"http": "my_shop.py.j2", "browser": "my_shop_browser.py.j2"}
_FROM_DOCUMENT = "my_shop_from.py.j2"
_ARTICLE = "0017"
_OWN_ADDRESS = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What was asked, or taken from flags. vendors: gateway, ERP and carrier as chosen. proposal: of --from."""

    name: str
    shop: str = "http"
    vendors: Sequence[Vendor] = ()
    ci: str | None = None
    proposal: Proposal | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """One file of the project and what became of it: written, kept (it was there), or to be written."""

    path: str
    state: str


def write_project(folder: Path, answers: Answers, *, dry_run: bool = False) -> list[Written]:
    """Write what is missing of a project and return every file with what became of it.

    A file that exists is kept as it is. `InfrastructureError` where the folder cannot be written.
    """
    return [Written(path, _write(folder / path, text, dry_run)) for path, text in files_of(answers)]


def files_of(answers: Answers) -> Iterator[tuple[str, str]]:
    """Return every file of a new project: its path and its text."""
    templates = _templates()
    context = _context(answers)
    shop = _FROM_DOCUMENT if answers.proposal else _SHOPS[answers.shop]
    pipeline = [PIPELINES[answers.ci]] if answers.ci else []
    for path, template in (
        ("assay.toml", "assay.toml.j2"),
        (f"connectors/{SHOP}.py", shop),
        (f"scenarios/{SHOP}.py", "flow.py.j2"),
        (f"scenarios/test_{SHOP}.py", "test_flow.py.j2"),
        (f"load/{SHOP}.py", "load.py.j2"),
        (f"monitors/{SHOP}.toml", "monitor.toml.j2"),
        (f"monitors/runbooks/{SHOP}.md", "runbook.md.j2"),
        *pipeline,
        ("requirements.txt", "requirements.txt.j2"),
        ("pytest.ini", "pytest.ini.j2"),
        (".env.example", "env.example.j2"),
        (".gitignore", "gitignore.j2"),
        ("README.md", "readme.md.j2"),
    ):
        yield path, templates.get_template(template).render(context)


def project_name(folder: Path) -> str:
    """Return a name for the project: its folder's, without what would break a line of the profile."""
    return re.sub(r'["\\\x00-\x1f]+', " ", folder.resolve().name).strip() or "shop"


def _context(answers: Answers) -> dict[str, object]:
    by_role = {vendor.role: vendor.id for vendor in answers.vendors}
    steps = [
        ("payments", "the gateway", "the gateway captured the payment", "Payments"),
        ("erp", "the ERP", "the ERP holds the order", "Erp"),
        ("carrier", "the parcel", "", "Carrier"),
    ]
    here = [step for step in steps if step[0] in by_role]
    own = answers.proposal is not None
    # The reference shop needs all of its vendors; a shop of the user's own is wired to those that were chosen.
    rates = [vendor for vendor in shipped_vendors().values() if vendor.role == "rates"]
    systems = [*answers.vendors, *rates] if own else list(shipped_vendors().values())
    return {
        "id": SHOP,
        "class_name": "".join(part.capitalize() for part in SHOP.split("_")),
        "name": answers.name,
        "version": __version__,
        "sku": _ARTICLE,
        "currencies": ["EUR"] if own else ["EUR", "JPY"],
        "systems": systems,
        "chosen": answers.vendors,
        "own": own,
        "browser": answers.shop == "browser",
        "proposal": answers.proposal,
        "base_url": answers.proposal.base_url if answers.proposal else _OWN_ADDRESS,
        "payments": "payments" in by_role,
        "erp": "erp" in by_role,
        "carrier": "carrier" in by_role,
        "end": here[-1][1] if here else "the shop's own answer",
        # In production nothing may follow that reaches real goods: the parcel is never waited for there.
        "cut": next((step[2] for step in reversed(here) if step[2]), "place the order"),
        "imports": ", ".join(sorted([step[3] for step in here] + ["Purchase", "Shop"])),
        "parameters": ", ".join(["shop: Shop"] + [f"{step[0]}: {step[3]}" for step in here]),
        "ci": PIPELINES[answers.ci][0] if answers.ci else None,
        "secrets": [(SHOP, ["SHOP_OPERATOR_TOKEN"])]
        + [(vendor.id, vendor.variables) for vendor in answers.vendors if vendor.variables],
    }


def _templates() -> Environment:
    found = Environment(  # noqa: S701  # no HTML comes of it, and escaping would break Python and TOML
        loader=PackageLoader("assay.onboarding"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters["toml"] = lambda values: json.dumps(list(values))
    return found


def _write(path: Path, text: str, dry_run: bool) -> str:
    if path.exists():
        return "kept"
    if dry_run:
        return "to be written"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Refuses a file that appeared meanwhile, and one behind a broken link.
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return "kept"
    except OSError as error:
        raise InfrastructureError(
            f"a file of the project could not be written: {error.strerror}",
            where=str(path),
            hint="choose a folder that can be written, or mend its permissions",
        ) from None
    return "written"
