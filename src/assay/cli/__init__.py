"""The `assay` command. Each command imports what it needs itself, so that `--help` stays quick."""

from __future__ import annotations

import signal

import click

from assay import __version__
from assay.cli.clock import clock
from assay.cli.defects import defects
from assay.cli.demo import demo
from assay.cli.doctor import doctor
from assay.cli.explain import explain
from assay.cli.faults import faults
from assay.cli.gate import gate
from assay.cli.landscape import down, logs, status, up
from assay.cli.profile import profile
from assay.cli.report import report
from assay.cli.run import run
from assay.cli.selftest import selftest
from assay.cli.sweep import sweep

__all__ = ["cli", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="assay")
def cli() -> None:
    """Test and watch a shop's integrations: order to ERP to carrier, money in every currency, one verdict.

    Exit codes: 0 all passed, 1 a finding or a failed step, 2 wrong use or configuration, 3 infrastructure,
    4 refused for safety, 5 nothing ran, 130 interrupted.
    """


for _command in (
    demo, run, gate, selftest, report, explain, up, down, status, logs, doctor, clock, faults, defects, profile, sweep,
):  # fmt: skip
    cli.add_command(_command)


def main() -> None:
    """Run the command line; SIGTERM, as a pipeline sends it, ends it like Ctrl-C: nothing is left running."""
    signal.signal(signal.SIGTERM, lambda *_: _interrupt())
    cli()


def _interrupt() -> None:
    raise KeyboardInterrupt
