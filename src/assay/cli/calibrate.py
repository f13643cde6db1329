"""`assay calibrate rounding`: find out from a shop's own baskets how it rounds, and write it into the profile."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.shared import explained, json_option, landscape_options, plan_for
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.local.plan import Plan
    from assay.roles import Purchase
    from assay.rounding import Rounding
    from assay.runners.calibration import Seen
    from assay.runners.calibrator import Calibration

_FORMAT = 1


@click.group()
def calibrate() -> None:
    """Find out what a healthy shop does, so that it need not be guessed in assay.toml."""


@calibrate.command()
@landscape_options
@click.option("--write", is_flag=True, help="Write what was found into [policies.rounding] of assay.toml.")
@click.option("--sku", "skus", multiple=True, metavar="SKU", help="Use only this article; again for several.")
@click.option("--like", metavar="FLOW[CASE]", help="Buy as this case's customer: currency, address, payment.")
@json_option
@explained
def rounding(
    environment: str, profile_path: Path | None, write: bool, skus: tuple[str, ...], like: str | None, as_json: bool
) -> None:
    """Ask the shop for a few crafted baskets and say which ways of rounding explain all of them.

    Baskets are only put into a cart where the cart shows what is needed, and bought (and taken back) where it does
    not. Never in production. Exit codes: 0 at least one way explains what was seen, 1 none does and the baskets are
    shown, 2 wrong use, 3 the shop is unreachable, 4 refused for safety.
    """
    from assay.runners.calibration import likeliest
    from assay.runners.calibrator import calibrate as asked

    plan = plan_for(environment, profile_path)
    path = _file(profile_path) if write else None
    found = asked(plan, skus=skus, customer=_customer(plan, like))
    declared = plan.profile.policies.rounding.policy() if plan.profile.policies.rounding else None
    best = likeliest(found.left, declared) if found.left else None
    written = None
    if best is not None and path is not None:
        from assay.runners.calibrated import write_rounding

        written = "written to" if write_rounding(path, best) else "already stands so in"
    if as_json:
        click.echo(json.dumps(_content(found, best, written, path), indent=2))
    else:
        _show(found, best, declared)
        if written:
            click.echo(f"[policies.rounding] {written} {path}")
    sys.exit(0 if found.left and not found.leaks else 1)


def _file(profile_path: Path | None) -> Path:
    from assay.profile import FILE_NAME, find_profile
    from assay.runners.calibrated import check_writable

    path = profile_path or find_profile(Path.cwd())
    if path is None:
        raise UsageError("there is no assay.toml to write to", hint=f"copy the shipped {FILE_NAME} into your project")
    check_writable(path)
    return path


def _customer(plan: Plan, like: str | None) -> Purchase | None:
    if like is None:
        return None
    from assay.runners.campaign import flows_of
    from assay.suite_flows import choose

    pairs = choose(flows_of(plan), names=[like], tags=(), words="")
    return pairs[0][1].purchase


def _show(found: Calibration, best: Rounding | None, declared: Rounding | None) -> None:
    """Print the baskets with what they told, then what is left and what cannot be told apart."""
    from assay.reporting.text import plural
    from assay.runners.calibration import remaining

    for number, seen in enumerate(found.baskets, 1):
        click.echo(f"basket {number}, {_how(seen)}: {_contents(seen)}")
        click.echo(f"  {_told(seen)}; {_explained(found, number)}")
    for refusal in found.refused:
        click.echo(f"refused by the shop: {refusal}")
    if found.left:
        for question, answers in remaining(found.left).items():
            click.echo(f"{question:<13}{' or '.join(answers)}")
    for question, why in found.questions.items():
        click.echo(f"cannot be told apart: {question}: {why}")
    for leak in found.leaks:
        click.echo(f"LEAKED {leak}")
    rates = ", ".join(f"{rate:f} %" for rate in found.rates) or "none"
    click.echo(
        f"{plural(len(found.baskets), 'basket')} in {found.currency} to {found.country}, tax rates {rates}:"
        f" {found.quoted} only quoted, {found.bought} bought"
    )
    if best is None:
        click.echo("no way of rounding that is known explains all of them: there is a defect, or a rule of its own")
        click.echo("  do: look at the first basket that is explained by none, and at what the shop adds to it")
    else:
        click.echo(f"the shop: {best}" + ("" if len(found.left) == 1 else f" (or {len(found.left) - 1} others)"))
        if declared is not None and declared not in found.left:
            click.echo(f"assay.toml declares another: {declared}")


def _how(seen: Seen) -> str:
    return "only quoted" if seen.order_ref is None else f"bought as {seen.order_ref}"


def _contents(seen: Seen) -> str:
    parts = [
        f"{units} x {sku} at {item.unit_price:f} ({item.tax_rate:f} %)"
        for (sku, units), item in zip(seen.lines, seen.items, strict=True)
    ]
    if seen.shipping is not None:
        parts.append(f"delivery {seen.shipping.unit_price:f} ({seen.shipping.tax_rate:f} %)")
    return ", ".join(parts)


def _told(seen: Seen) -> str:
    return f"total {seen.total}" + (f", tax {seen.tax}" if seen.tax is not None else ", no tax shown")


def _explained(found: Calibration, number: int) -> str:
    """Say how many policies explain the baskets up to this one."""
    left = found.left_after[number - 1]
    ways = "1 way of rounding explains it" if left == 1 else f"{left} ways of rounding explain it"
    return ways + (" and all before" if number > 1 else "")


def _content(found: Calibration, best: Rounding | None, written: str | None, path: Path | None) -> dict[str, Any]:
    from assay.runners.calibration import remaining

    return {
        "format": _FORMAT,
        "currency": found.currency,
        "country": found.country,
        "tax_rates": [f"{rate:f}" for rate in found.rates],
        "quoted": found.quoted,
        "bought": found.bought,
        "baskets": [
            {
                "lines": [list(each) for each in seen.lines],
                "order": seen.order_ref,
                "total": str(seen.total),
                "tax": str(seen.tax) if seen.tax is not None else None,
                "explained_by": left,
            }
            for seen, left in zip(found.baskets, found.left_after, strict=True)
        ],
        "refused": found.refused,
        "left": [str(policy) for policy in found.left],
        **{f"{name}_left": list(answers) for name, answers in remaining(found.left).items()},
        "cannot_be_told_apart": found.questions,
        "policy": None if best is None else {"tax_included": best.tax_included, "level": best.level, "mode": best.mode},
        "file": str(path) if written else None,
        "leaks": found.leaks,
        "exit_code": 0 if found.left and not found.leaks else 1,
    }
