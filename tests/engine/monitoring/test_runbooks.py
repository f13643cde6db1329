"""Every alert has a runbook, and every command in a runbook is one that exists, said as it must be."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from assay.cli import cli
from assay.runners.scheduler.declared import monitors_of
from tests.engine.monitoring.rule_rig import MONITORS, SETTING, rules_in, written

ROOT = Path(__file__).parents[3]
RUNBOOKS = ROOT / "monitors/runbooks"
BOOKS = sorted(RUNBOOKS.glob("*.md"))
BUILT_IN = ("system_unreachable", "safety_refused", "assay_configuration", "assay_undo", "assay_self")
"""What the built-in alerts that are of no one monitor name."""
_INLINE = re.compile(r"`(assay [^`]+)`")


def commands_in(text: str) -> Iterator[str]:
    """Yield the commands of a runbook: those of blocks, and those in a line that have options."""
    for line in text.splitlines():
        if line.startswith("    assay "):
            yield line.strip().removesuffix("\\")
        yield from (found for found in _INLINE.findall(line) if "--" in found)


def parsed(words: list[str]) -> list[click.Context]:
    """Parse a command as the command line would, without running it; `click.UsageError` for what is unknown."""
    context = cli.make_context("assay", words)
    contexts = [context]
    while isinstance(context.command, click.Group):
        rest = [*context._protected_args, *context.args]
        if not rest:
            break
        name, command, arguments = context.command.resolve_command(context, rest)
        assert command is not None
        context = command.make_context(name, arguments, parent=context)
        contexts.append(context)
    return contexts


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_every_command_of_a_runbook_exists(book: Path) -> None:
    """Each command and option is known, and says which environment it means: the usual one is not where it rings."""
    commands = [each for each in commands_in(book.read_text()) if "--help" not in each]
    assert commands, "a runbook without a first command helps nobody"
    for command in commands:
        try:
            contexts = parsed(shlex.split(command)[1:])
        except click.UsageError as error:
            pytest.fail(f"{command}: {error.format_message()}")
        takes_env = any(parameter.name == "environment" for each in contexts for parameter in each.command.params)
        if takes_env and command in [line.strip() for line in book.read_text().splitlines()]:
            assert "--env " in command, command


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_a_runbook_says_what_somebody_woken_needs(book: Path) -> None:
    """It begins with what it is, says what it means for customers, where to look first and how to mend it."""
    text = book.read_text()
    assert text.startswith("# ")
    assert "ustomers" in text.partition("## ")[0], "before anything else: what is broken for customers?"
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert any(each.startswith("First look") for each in headings), headings
    assert max(map(len, text.splitlines())) < 400


def test_every_alert_has_a_runbook(tmp_path: Path) -> None:
    """Every alert of generated rules, of the federation's, and of the built-in ones leads to a page that is there."""
    named = {rule["annotations"]["runbook_url"] for _, rule in rules_in(ROOT / "monitors/rules") if "alert" in rule}
    federation = yaml.safe_load((ROOT / "monitors/deploy/federation-rules.yaml").read_text())
    named |= {
        rule["annotations"]["runbook_url"]
        for group in federation["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    named |= {f"monitors/runbooks/{name}.md" for name in BUILT_IN}
    own = {f"monitors/runbooks/{each.runbook}" for each in MONITORS}
    for _, rule in rules_in(written(tmp_path, MONITORS, SETTING)):
        if "alert" in rule:
            named |= {rule["annotations"]["runbook_url"]} - own
    assert sorted(name for name in named if not (ROOT / name).is_file()) == []


def test_every_runbook_is_led_to() -> None:
    """No page is left that no alert names."""
    from assay.local.project import plan_for

    plan = plan_for("production", ROOT / "assay.toml")
    led = {f"monitors/runbooks/{each.runbook}" for each in monitors_of(plan).values()}
    led |= {f"monitors/runbooks/{name}.md" for name in BUILT_IN} | {"monitors/runbooks/region_silent.md"}
    led |= {rule["annotations"]["runbook_url"] for _, rule in rules_in(ROOT / "monitors/rules") if "alert" in rule}
    assert sorted(str(book.relative_to(ROOT)) for book in BOOKS if str(book.relative_to(ROOT)) not in led) == []
