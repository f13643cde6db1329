"""`assay explain ORDER`: what every system says of one order now, and what the oracles say of that."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.shared import explained, in_colour, json_option, landscape_options, plan_for
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.events import Finding
    from assay.records import Dossier
    from assay.runners.session import Session

_FORMAT = 1


@click.command()
@click.argument("order")
@landscape_options
@json_option
@explained
def explain(order: str, environment: str, profile_path: Path | None, as_json: bool) -> None:
    """Gather the dossier of one ORDER (its number or the shop's id) live and print it with every verdict.

    Exit 0 nothing is wrong, 1 a finding, 3 a system could not be read, 5 no oracle could be evaluated.
    """
    from assay.events import Result
    from assay.runners.session import Session
    from assay.runners.verdict import code_of_reason

    plan = plan_for(environment, profile_path)
    with Session(plan, plan.home.read(), runner="explain") as session:
        dossier = session.dossier(_ref_of(session, order))
        findings = session.findings(dossier)
    results = [finding.result for finding in findings]
    if Result.FAIL in results:
        code = 1
    elif any(code_of_reason(f"{role}: {why}") == 3 for role, why in dossier.unread if role in _ROLES):
        code = 3
    else:
        code = 0 if Result.PASS in results else 5
    if as_json:
        click.echo(json.dumps(_content(order, environment, dossier, findings, code), indent=2, ensure_ascii=False))
    else:
        _show(dossier, findings)
    sys.exit(code)


_ROLES = ("shop", "payments", "erp", "carrier", "rates")


def _ref_of(session: Session, order: str) -> str:
    """Return the shop's own reference of an order that is named by it or by its number."""
    from datetime import timedelta

    from assay.errors import did_you_mean

    shop = session.landscape.by_role("shop")
    try:
        return str(shop.order(order).ref)
    except LookupError:
        now = session.now()
        known = {each.number: each.ref for each in shop.orders(now - timedelta(days=60), now + timedelta(minutes=1))}
        if order not in known:
            raise UsageError(
                f"the shop knows no order '{order}'",
                where=f"environment '{session.plan.name}', the last 60 days",
                hint=did_you_mean(order, sorted(known)[-20:]),
            ) from None
        return str(known[order])


def _show(dossier: Dossier, findings: list[Finding]) -> None:
    from assay.events import Result
    from assay.reporting.side_by_side import side_by_side

    table = side_by_side(dossier, [finding for finding in findings if finding.result is Result.FAIL])
    for number, column in enumerate(table.columns):
        click.echo(f"{column.system} {column.kind}")
        for name, facts in table.rows:
            fact = facts[number]
            if fact.text:
                mark = in_colour(f"  <- {fact.why}", "red", sys.stdout) if fact.mark else ""
                click.echo(f"  {name:<20}{fact.text}{mark}")
    for role, why in dossier.unread:
        click.echo(f"not read: {role}: {why}")
    click.echo("")
    for finding in sorted(findings, key=lambda each: (each.result is not Result.FAIL, each.result is Result.PASS)):
        colour = {Result.FAIL: "red", Result.PASS: "green"}.get(finding.result)
        click.echo(in_colour(f"{finding.result.value:<14}", colour, sys.stdout) + finding.sentence())
        if finding.result is Result.FAIL:
            for line in (f"formula: {finding.formula}", *finding.evidence):
                click.echo(f"{'':<14}{line}")
    counts = {result: sum(each.result is result for each in findings) for result in Result}
    click.echo(", ".join(f"{count} {result.value}" for result, count in counts.items()))


def _content(order: str, environment: str, dossier: Dossier, findings: list[Finding], code: int) -> dict[str, Any]:
    from pydantic import TypeAdapter

    from assay.events import Finding as FindingType
    from assay.money import Money
    from assay.records import Dossier as DossierType

    verdicts: TypeAdapter[list[FindingType]] = TypeAdapter(list[FindingType])
    verdicts.rebuild(_types_namespace={"Money": Money})
    return {
        "format": _FORMAT,
        "environment": environment,
        "order": order,
        "exit_code": code,
        "dossier": TypeAdapter(DossierType).dump_python(dossier, mode="json"),
        "findings": verdicts.dump_python(findings, mode="json"),
    }
