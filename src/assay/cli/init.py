"""`assay init`: a project to begin with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.shared import explained, in_colour
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.onboarding.document import Proposal
    from assay.onboarding.vendor import Vendor

_STATES: dict[str, str | None] = {"written": "green", "kept": "yellow", "to be written": None}
_ROLES = (("gateway", "payments"), ("erp", "erp"), ("carrier", "carrier"))


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option(
    "--shop", type=click.Choice(["http", "browser"]), help="How your shop is driven: by its API or its pages."
)
@click.option(
    "--from", "document", type=click.Path(path_type=Path), metavar="OPENAPI", help="Your shop's OpenAPI document."
)
@click.option("--gateway", metavar="ID|none", help="Payment gateway; stripe where nothing is asked.")
@click.option("--erp", metavar="ID|none", help="ERP; sap_s4hana where nothing is asked.")
@click.option("--carrier", metavar="ID|none", help="Carrier; ups where nothing is asked.")
@click.option("--ci", type=click.Choice(["github", "gitlab", "jenkins", "none"]), help="Write a pipeline file for it.")
@click.option("--yes", is_flag=True, help="Ask nothing; take what the flags say and the defaults for the rest.")
@click.option("--dry-run", is_flag=True, help="Only list what would be written.")
@explained
def init(
    folder: Path,
    shop: str | None,
    document: Path | None,
    gateway: str | None,
    erp: str | None,
    carrier: str | None,
    ci: str | None,
    yes: bool,
    dry_run: bool,
) -> None:
    """Begin a project in FOLDER (this one by default): profile, connector of your shop, flow, load, monitor, pipeline.

    As generated, `assay gate` is green at once: the connector talks to the reference shop and says which lines to
    replace. Nothing that exists is written over; a file that is there is listed as kept.
    """
    from assay.onboarding.document import propose
    from assay.onboarding.project import Answers, project_name, write_project

    proposal = propose(document) if document else None
    if proposal is not None and shop == "browser":
        raise UsageError("--from proposes calls of an API, and a browser makes none", hint="leave one of the two out")
    shop = shop or ("http" if yes or proposal else _asked("How is your shop driven (http, browser)", "http"))
    if shop not in ("http", "browser"):
        raise UsageError(f"a shop is not driven by '{shop}'", expected="http or browser")
    given = {"gateway": gateway, "erp": erp, "carrier": carrier}
    vendors = [found for name, role in _ROLES if (found := _vendor(name, role, given[name], yes)) is not None]
    if ci is None and not yes:
        ci = _asked("Pipeline file (github, gitlab, jenkins, none)", "none")
    if ci not in (None, "none", "github", "gitlab", "jenkins"):
        raise UsageError(f"no pipeline file for '{ci}'", expected="github, gitlab, jenkins or none")
    answers = Answers(
        name=project_name(folder),
        shop=shop,
        vendors=vendors,
        ci=None if ci == "none" else ci,
        proposal=proposal,
    )
    if proposal is not None:
        _show_proposal(proposal)
    for file in write_project(folder, answers, dry_run=dry_run):
        click.echo(in_colour(f"{file.state:<15}", _STATES[file.state], sys.stdout) + file.path)
    if not dry_run:
        _show_next(folder, own=proposal is not None)


def _vendor(name: str, role: str, given: str | None, yes: bool) -> Vendor | None:
    from assay.onboarding.vendor import NONE, chosen_vendor, vendors_of

    known = vendors_of(role)
    if given is None:
        given = (
            known[0]
            if yes
            else _asked(f"{name.upper() if name == 'erp' else name.title()} ({', '.join(known)}, {NONE})", known[0])
        )
    return chosen_vendor(role, given)


def _asked(question: str, usual: str) -> str:
    try:
        answer: str = click.prompt(question, default=usual)
    except click.Abort:
        raise UsageError(
            "nobody is there to answer", seen=question, hint="add --yes to take the defaults, or give every flag"
        ) from None
    return answer.strip()


def _show_proposal(proposal: Proposal) -> None:
    click.echo(f"{proposal.file}: {proposal.title}, at {proposal.base_url}")
    for choice in proposal.choices:
        taken = str(choice.operation) if choice.operation else "–"
        click.echo(f"  {choice.function:<8}{taken:<40}{choice.why}")
    for each in proposal.shape.unknown:
        click.echo(f"  {'place':<8}{each:<40}is required and has to be filled in by hand")


def _show_next(folder: Path, *, own: bool) -> None:
    where = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    click.echo("")
    if own:
        click.echo(
            f"Next: {where}assay up, start your shop with the proxy settings it prints, then assay doctor --onboard"
        )
    else:
        click.echo(
            f"Next: {where}assay gate (green as it stands), then the lines marked '# yours:' in connectors/my_shop.py"
        )
