"""`assay contracts check`: generated requests against simulators and sandboxes, judged by their contracts."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.shared import explained, in_colour, json_option, landscape_options, plan_for

if TYPE_CHECKING:
    from assay.contracts.results import Tested
    from assay.runners.conformance import Checked

_FORMAT = 1


@click.command()
@click.argument("systems", nargs=-1)
@landscape_options
@click.option("--operation", "operations", multiple=True, help="Only this one, as 'POST /v1/charges'; may be repeated.")
@click.option("--examples", type=click.IntRange(1), default=20, show_default=True, help="Requests an operation.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of what is made up.")
@click.option("--base-url", help="Another place than the profile's; production is refused.")
@click.option("--per-second", type=click.FloatRange(min=0.001), default=5.0, show_default=True, help="At a sandbox.")
@click.option("--details", is_flag=True, help="Show every operation, not only those with something to say.")
@json_option
@explained
def check(
    systems: tuple[str, ...],
    environment: str,
    profile_path: Path | None,
    operations: tuple[str, ...],
    examples: int,
    seed: int,
    base_url: str | None,
    per_second: float,
    details: bool,
    as_json: bool,
) -> None:
    """Send generated requests to SYSTEMS (all with a contract) and judge the answers.

    A simulated system is started alone for it; a sandbox is asked where the profile says, within the rate budget and
    without DELETE; production is refused with exit 4. Exit 1 when an answer breaks the contract.
    """
    from assay.errors import UsageError
    from assay.runners.conformance import Options, testable
    from assay.runners.conformance import check as run

    plan = plan_for(environment, profile_path)
    chosen = list(dict.fromkeys(systems)) or testable(plan)
    if (base_url or operations) and len(chosen) != 1:
        raise UsageError(
            "--base-url and --operation are for one system",
            seen=", ".join(chosen) or "none",
            hint="assay contracts check SYSTEM …",
        )
    options = Options(examples=examples, seed=seed, operations=operations, base_url=base_url, per_second=per_second)
    found = []
    for system in chosen:
        checked = run(plan, system, options, lambda progress: None)
        found.append(checked)
        if not as_json:
            _show(checked, details=details)
    if as_json:
        click.echo(json.dumps({"format": _FORMAT, "systems": [_plain(each) for each in found]}, indent=2))
    elif len(found) > 1:
        _sum(found)
    if not found:
        sys.exit(5)
    sys.exit(1 if any(_broken(each.tested) for each in found) else 0)


def _broken(tested: Sequence[Tested]) -> int:
    return sum(not failed.known for each in tested for failed in each.failed)


def _show(checked: Checked, *, details: bool) -> None:
    from assay.runners.conformance import UNDOCUMENTED, share

    figures, broken = share(checked.tested), _broken(checked.tested)
    word = in_colour("FAILED", "red", sys.stdout) if broken else in_colour("passed", "green", sys.stdout)
    click.echo(
        f"{checked.system}  {word}  {sum(each.cases for each in checked.tested)} requests to {checked.base_url}, "
        f"{figures['answered']} of {figures['operations']} operations, {figures['covered']} of "
        f"{figures['documented']} documented statuses ({figures['provoked']} provoked), {broken} broken; "
        f"seed {checked.seed} drew {checked.drawn}"
    )
    width = max((len(each.operation) for each in checked.tested), default=0)
    for each in checked.tested:
        missing = [status for status in each.documented if status not in each.covered]
        told = [failed for failed in each.failed if details or failed.check != UNDOCUMENTED]
        if details or told or not each.seen:
            seen = " ".join(f"({status})" if status in each.provoked else status for status in each.seen)
            unseen = f"  unseen: {' '.join(missing)}" if missing else ""
            click.echo(f"  {each.operation:<{width}}  {each.cases:>5}  {seen or 'no answer'}{unseen}")
        for failed in told:
            mark = in_colour("known ", "yellow", sys.stdout) if failed.known else in_colour("broken", "red", sys.stdout)
            said = failed.message if failed.check == UNDOCUMENTED else failed.known or failed.message
            click.echo(f"    {mark} {failed.check} {failed.status or ''}: {said}")
            if failed.repeat and not failed.known:
                click.echo(f"           {failed.repeat}")
    more = sum(failed.check == UNDOCUMENTED for each in checked.tested for failed in each.failed)
    if more and not details:
        click.echo(f"  {more} answers hold fields that the contract does not list: --details names them")
    for known in checked.healed:
        click.echo(f"  no longer failing: {known.operation} {known.check}: take it out of known_failures.toml")


def _sum(found: Sequence[Checked]) -> None:
    from assay.runners.conformance import UNDOCUMENTED, share

    width = max(len(each.system) for each in found)
    click.echo(f"\n{'system':<{width}}  operations     statuses  provoked  requests  broken  known")
    for each in found:
        figures = share(each.tested)
        known = sum(bool(failed.known) and failed.check != UNDOCUMENTED for one in each.tested for failed in one.failed)
        percent = 100 * figures["covered"] // max(figures["documented"], 1)
        click.echo(
            f"{each.system:<{width}}  {figures['answered']:>4} of {figures['operations']:<4} "
            f"{figures['covered']:>4} of {figures['documented']:<4} {percent:>3} %  {figures['provoked']:>5} "
            f"{sum(one.cases for one in each.tested):>9} {_broken(each.tested):>7} {known:>6}"
        )


def _plain(checked: Checked) -> dict[str, Any]:
    from assay.runners.conformance import share

    return {
        "system": checked.system,
        "base_url": checked.base_url,
        "simulated": checked.simulated,
        "seed": checked.seed,
        "drawn": checked.drawn,
        **{("operations_documented" if name == "operations" else name): n for name, n in share(checked.tested).items()},
        "broken": _broken(checked.tested),
        "operations": [{**asdict(each), "covered": list(each.covered)} for each in checked.tested],
        "no_longer_failing": [{**asdict(each), "until": each.until.isoformat()} for each in checked.healed],
    }
