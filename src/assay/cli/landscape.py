"""`assay up`, `down`, `status` and `logs`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.shared import explained, in_colour, json_option, landscape_options, plan_for
from assay.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from assay.local.plan import Plan
    from assay.local.state import Running


@click.command()
@landscape_options
@click.option("--defect", "defects", multiple=True, metavar="ID", help="Start the merchant with this defect on.")
@click.option(
    "--defects", "folders", multiple=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A further folder of defect files.",
)  # fmt: skip
@click.option("--capture", type=click.Path(path_type=Path), help="Write every answer of the simulators to this folder.")
@json_option
@explained
def up(
    environment: str,
    profile_path: Path | None,
    defects: tuple[str, ...],
    folders: tuple[Path, ...],
    capture: Path | None,
    as_json: bool,
) -> None:
    """Start the landscape, or mend what is missing of it; it runs on until `assay down`."""
    from assay.local.up import bring_up

    plan = plan_for(environment, profile_path, defects=defects, defect_folders=folders, capture=capture)
    bring_up(plan, (lambda _: None) if as_json else show_progress)
    show_status(plan, as_json)


@click.command()
@landscape_options
@click.option("--forget", is_flag=True, help="Remove the landscape's data too: orders, journal, clock, logs.")
@explained
def down(environment: str, profile_path: Path | None, forget: bool) -> None:
    """Stop the landscape; its data stays for the next `assay up` unless --forget."""
    from assay.local.up import take_down

    plan = plan_for(environment, profile_path)
    ended = take_down(plan.home, show_progress, forget=forget)
    click.echo(f"{ended} processes stopped" + (", data removed" if forget else ""))


@click.command()
@landscape_options
@json_option
@explained
def status(environment: str, profile_path: Path | None, as_json: bool) -> None:
    """Show each process of the landscape, its address and whether it answers. Exit 3 when one is missing."""
    if not show_status(plan_for(environment, profile_path), as_json):
        sys.exit(3)


@click.command()
@landscape_options
@click.argument("part", required=False)
@click.option("-n", "lines", default=40, show_default=True, help="Lines from the end.")
@explained
def logs(environment: str, profile_path: Path | None, part: str | None, lines: int) -> None:
    """Print the end of the logs of all processes, or of one PART (edge, simulators, merchant, keeper)."""
    from assay.local.plan import processes_of

    plan = plan_for(environment, profile_path)
    names = processes_of(plan)
    if part is not None and part not in names:
        raise UsageError(f"no process '{part}'", hint=did_you_mean(part, names))
    running = plan.home.read()
    for name in [part] if part else names:
        process = running.processes.get(name)
        log = Path(process.log) if process else None
        text = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:] if log and log.exists() else []
        click.echo(f"== {name} ({log or 'never started'})")
        for line in text or ["(empty)"]:
            click.echo(line)


def show_progress(event: object) -> None:
    """Print one line a part of a longer job."""
    from assay.events import Progress

    if isinstance(event, Progress) and event.state != "starting":
        state = in_colour(event.state, {"ready": "green", "failed": "red"}.get(event.state), sys.stdout)
        click.echo(f"{event.part:<12}{state} {event.detail}".rstrip())
    elif isinstance(event, Progress) and event.detail:
        click.echo(f"{event.part:<12}{event.detail} …")


def show_status(plan: Plan, as_json: bool) -> bool:
    """Print the landscape and return whether it is whole."""
    from assay.local.status import inspect, is_healthy
    from assay.profile import VIEWS

    running = plan.home.read()
    parts = inspect(plan, running)
    way = _way_of(plan, running)
    bind = plan.environment.edge.bind
    if bind and plan.has_edge:
        networks = ", ".join(plan.environment.edge.allow)
        click.echo(f"assay: {bind} is open for {networks}: whoever is there can call through the edge", err=True)
    if as_json:
        states = [asdict(part) for part in parts]
        content = {"environment": plan.name, "view": plan.environment.view, "healthy": is_healthy(parts)}
        click.echo(json.dumps({**content, "parts": states, **way}, indent=2))
        return is_healthy(parts)
    for part in parts:
        state = in_colour(f"{part.state:<14}", "green" if part.state == "up" else "red", sys.stdout)
        pid = f"pid {part.pid}" if part.pid else ""
        click.echo(f"{part.name:<12}{state}{pid:<12}{part.detail}".rstrip())
        for name, url in part.urls.items():
            click.echo(f"{'':<12}  {name:<12}{url}")
    click.echo(f"view        {VIEWS[plan.environment.view]}")
    if is_healthy(parts):
        _show_way(way, own_shop=plan.own_shop is not None)
    return is_healthy(parts)


def _way_of(plan: Plan, running: Running) -> dict[str, dict[str, str]]:
    """Return what a platform must be told to reach the edge, by the view of the environment."""
    from assay.local.plan import DOOR, EDGE

    proxy, bases = {}, {}
    bind = plan.environment.edge.bind
    port = running.port(DOOR, DOOR) if bind else running.port(EDGE, EDGE)
    edge = f"http://{bind or '127.0.0.1'}:{port}"
    if port and plan.environment.view == "forward_proxy":
        bundle = plan.home.path / "edge" / "certificates" / "ca-bundle.pem"
        proxy = {"HTTPS_PROXY": edge, "SSL_CERT_FILE": str(bundle)}
    if port and plan.environment.view == "base_url":
        vendors = [name for name, system in plan.environment.systems.items() if system.role != "shop"]
        bases = {name: f"{edge}/{name}" for name in vendors}
    return {"proxy": proxy, "base_urls": bases}


def _show_way(way: dict[str, dict[str, str]], *, own_shop: bool) -> None:
    if way["base_urls"]:
        click.echo("\nGive your platform these addresses of its vendors:")
        for name, url in way["base_urls"].items():
            click.echo(f"  {name:<12}{url}")
    if way["proxy"]:
        proxy, bundle = way["proxy"].values()
        click.echo("\nPut a platform behind the edge without changing it:")
        click.echo(f"  export HTTPS_PROXY={proxy} NO_PROXY=localhost,127.0.0.1")
        click.echo(f"  export SSL_CERT_FILE={bundle} REQUESTS_CA_BUNDLE={bundle}")
        if own_shop:
            click.echo("  (another runtime: assay proxy env --for docker|java|node|php|…; then assay proxy check)")
