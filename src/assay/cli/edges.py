"""`assay edges`: every host the platform was seen to call."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.clock import parse_span
from assay.cli.shared import explained, in_colour, json_option, landscape_options, plan_for

if TYPE_CHECKING:
    from assay.contracts.results import Observed
    from assay.local.plan import Plan


@click.command()
@landscape_options
@click.option("--since", metavar="SPAN", help="Only calls of this last while, such as 30m, 1h, 2d.")
@json_option
@explained
def edges(environment: str, profile_path: Path | None, since: str | None, as_json: bool) -> None:
    """List every host the platform was seen to call, declared or not, with counts, first and last time (UTC).

    Calls to a system with `contract = "openapi.yaml"` are held against it: exit 1 where one breaks it.
    """
    from assay.local.traffic import UNDECLARED, hosts

    plan = plan_for(environment, profile_path)
    begin = datetime.now(UTC) - parse_span(since) if since else None
    found, judged = hosts(plan, since=begin), _held(plan, begin)
    if as_json:
        broken = {each.system: [asdict(problem) for problem in each.broken] for each in judged}
        rows = [{**asdict(each), "broken": broken.get(each.system, [])} for each in found]
        click.echo(json.dumps(rows, indent=2, default=str))
        sys.exit(1 if any(broken.values()) else 0)
    for each in found:
        what = each.system if each.system == UNDECLARED else f"{each.system} {each.mode}"
        calls = f"{each.calls} calls" if each.calls else "never called" if plan.has_edge else "not watched"
        trouble = f", {each.failed} answered 400 or worse" if each.failed else ""
        trouble += f", {each.refused} refused" if each.refused else ""
        span = f"{each.first:%Y-%m-%d %H:%M:%S} to {each.last:%H:%M:%S}" if each.first and each.last else ""
        name = in_colour(f"{what:<24}", "red" if each.system == UNDECLARED else None, sys.stdout)
        click.echo(f"{each.host:<36}{name}{span:<34}{calls}{trouble}")
    unknown = [each.host for each in found if each.system == UNDECLARED]
    if unknown:
        click.echo(f'\n{len(unknown)} undeclared. Let one through: [systems.NAME] role = "other" host = "{unknown[0]}"')
        click.echo(f'and in [environments.{environment}.systems] NAME = "live" (or stub, recorded)')
    if not plan.has_edge:
        click.echo(f'view = "{plan.environment.view}": no edge sees the platform\'s calls here')
    for held in judged:
        state = in_colour("broken" if held.broken else "kept", "red" if held.broken else "green", sys.stdout)
        click.echo(f"\ncontract of {held.system} {state}: {held.calls} calls, {len(held.broken)} problems")
        for problem in held.broken:
            click.echo(f"  {problem.call}, {problem.place}: {problem.problem}")
    if any(each.broken for each in judged):
        sys.exit(1)


@dataclass(frozen=True, slots=True)
class _Broken:
    """One place where calls are not as the contract has it: what was called, where, and what is wrong."""

    call: str
    place: str
    problem: str


@dataclass(frozen=True, slots=True)
class _OfContract:
    """What the calls to one system came to by the contract that the profile names."""

    system: str
    calls: int
    broken: tuple[_Broken, ...]


def _held(plan: Plan, begin: datetime | None) -> list[_OfContract]:
    """Return what the platform's calls came to by every contract the profile names; additive things are left out."""
    named = [name for name, system in plan.environment.systems.items() if system.contract]
    if not named:
        return []
    from assay.local.traffic import outgoing
    from assay.runners.contract_traffic import of_contracts

    observed = of_contracts(plan, outgoing(plan, begin)).observed()
    return [
        _OfContract(name, sum(each.exchanges for each in own), tuple(_broken(own)))
        for name in named
        for own in [[each for each in observed if each.system == name]]
    ]


def _broken(observed: Iterable[Observed]) -> Iterator[_Broken]:
    for each in observed:
        for counted in each.counted:
            deviation = counted.deviation
            if deviation.problem.is_additive:
                continue
            place = f"{counted.direction} {deviation.path or deviation.problem}"
            seen = f", seen {deviation.seen}" if deviation.seen else ""
            yield _Broken(
                each.operation or each.path, place, f"{deviation.problem}: expected {deviation.expected}{seen}"
            )
