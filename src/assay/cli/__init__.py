"""The `assay` command. A command's module is imported when that command runs, so that `--help` stays quick."""

from __future__ import annotations

import signal
import sys
import traceback

import click

from assay import __version__
from assay.cli.on_demand import OnDemand, TableGroup

__all__ = ["cli", "main"]

# Name: (module, what the list of commands says of it). The function in the module is called as the command.
_COMMANDS = {
    "init": ("init", "Begin a project of your own: profile, connector, flow, load, monitor, pipeline."),
    "demo": ("demo", "See the main job done on a landscape of its own, in under three minutes."),
    "run": ("run", "Run flows and judge every order they cause."),
    "gate": ("gate", "Decide over a release: scenarios, contracts, a short load; one exit code."),
    "test": ("test", "Run the tests and scenarios of this project with pytest."),
    "selftest": ("selftest", "Ask whether the verdict can be trusted: every defect caught, nothing else said."),
    "report": ("report", "Write the reports of a run again."),
    "explain": ("explain", "Show one order, live: every system's word on it, and what the oracles say."),
    "monitor": ("monitor", "Run flows and checks again and again, and tell whom it concerns."),
    "up": ("landscape", "Start the landscape, or mend what is missing of it."),
    "down": ("landscape", "Stop the landscape; its data stays."),
    "status": ("landscape", "Show each process of the landscape and whether it answers."),
    "logs": ("landscape", "Print the end of the logs."),
    "doctor": ("doctor", "Say what this machine, an environment or your own connector lacks, and what to do."),
    "proxy": ("proxy", "Send your platform's calls through the edge, and check that they go there."),
    "edges": ("edges", "List every host the platform was seen to call, declared or not."),
    "record": ("record", "Turn a sandbox's traffic into masked stubs."),
    "webhooks": ("webhooks", "Bring a vendor's webhooks to a platform that the vendor cannot reach."),
    "clock": ("clock", "Show or move the one clock of simulators and merchant."),
    "faults": ("faults", "Delay, drop, double, refuse or cut off what passes the edge."),
    "defects": ("defects", "Switch defects of the reference merchant on and off."),
    "contracts": ("contracts", "Hold stand-ins, traffic, live answers and stubs against the vendors' documents."),
    "drift": ("drift", "Compare what systems hold, record by record, and explain each difference by its cause."),
    "calibrate": ("calibrate", "Find out from crafted baskets how a shop rounds, for assay.toml."),
    "profile": ("profile", "Check assay.toml, print its JSON Schema, or require oracles in it."),
    "rules": ("rules", "Write Prometheus rules, with unit tests, from the monitors."),
    "bundle": ("bundle", "Collect jar, wheels and documents for a machine without a registry."),
    "alerts": ("alerts", "Show what is not well, try every route, silence monitors."),
    "sweep": ("sweep", "Take back what crashed runs left behind."),
    "prune": ("prune", "Remove results that are older than they are kept."),
}


class _Group(TableGroup):
    table = _COMMANDS


@click.group(
    cls=_Group,
    commands=OnDemand("assay.cli", _COMMANDS),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="assay")
def cli() -> None:
    """Test and watch a shop's integrations: order to ERP to carrier, money in every currency, one verdict.

    Exit codes: 0 all passed, 1 a finding or a failed step, 2 wrong use or configuration, 3 infrastructure,
    4 refused for safety, 5 nothing ran, 130 interrupted.
    """


def main() -> None:
    """Run the command line; SIGTERM, as a pipeline sends it, ends it like Ctrl-C: nothing is left running.

    A mistake of our own is exit 3, with its traceback: 1 would tell a pipeline of a finding.
    """
    from assay.cli.lasting import outlast_readers

    signal.signal(signal.SIGTERM, lambda *_: _interrupt())
    outlast_readers()
    try:
        cli()
    except Exception:
        traceback.print_exc()
        click.echo("assay: this is a mistake of Assay's own, no finding; its place is above", err=True)
        sys.exit(3)


def _interrupt() -> None:
    raise KeyboardInterrupt
