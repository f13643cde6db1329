"""What the README says can be typed can be typed, and what can be typed is in the README."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from assay import __version__
from assay.cli import cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRACTS = (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8")
_EVERYWHERE = {"-h", "--help", "--version"}


def _typed(page: str) -> Iterator[str]:
    """Every `assay …` of a code span, and of a line of a code block that is a command and not its output."""
    fenced = re.findall(r"```(?:sh|bash|console|shell)\n(.*?)```", page, re.DOTALL)
    for block in fenced:
        for line in block.splitlines():
            if found := re.match(r"(?:\$ )?(?:\S*/)?(assay(?: [^#]*)?)", line):
                yield found[1].strip()
    prose = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    yield from re.findall(r"`(assay [^`]+)`", prose)


def _commands(group: click.Group, prefix: str = "assay") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{prefix} {name}", command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{prefix} {name}")


def _takes_a_value(command: click.Command, word: str) -> bool:
    """Whether what follows an option is its value."""
    options = [each for each in command.params if isinstance(each, click.Option) and word in each.opts]
    return any(not each.is_flag for each in options)


@pytest.mark.parametrize("typed", sorted({*_typed(README), *_typed(CONTRACTS)}))
def test_what_the_pages_type_exists(typed: str) -> None:
    """Every command, subcommand and option that README and docs/contracts.md show is one the command line knows."""
    words = shlex.split(typed.replace("…", "").replace("|", " | "))[1:]
    command: click.Command = cli
    for word, before in zip(words, ["", *words], strict=False):
        if _takes_a_value(command, before):
            continue
        if word in ("|", "&&", ";", ">", "--"):
            break
        if word.startswith("-"):
            known = {option for parameter in command.params for option in parameter.opts} | _EVERYWHERE
            assert word.partition("=")[0] in known, f"{word} is no option of {command.name}"
        elif isinstance(command, click.Group):
            assert word in command.commands, f"{word} is no command of {command.name}"
            command = command.commands[word]


@pytest.mark.parametrize("name", [name for name, each in _commands(cli) if not isinstance(each, click.Group)])
def test_every_command_is_in_the_readme(name: str) -> None:
    """No command is without a mention."""
    group, _, last = name.rpartition(" ")
    listed = rf"{re.escape(group)} [\w |]*\b{re.escape(last)}\b"
    assert name in README or re.search(listed, README), f"the README does not mention `{name}`"


def test_every_make_target_of_the_readme_exists() -> None:
    """What the README says to make, the Makefile knows."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", README, re.MULTILINE))
    assert named <= targets
    assert {"demo", "test"} <= named


def test_links_into_the_repository_lead_somewhere() -> None:
    """Every relative link of README, ARCHITECTURE, tests/README and docs/ names a file or folder that is there."""
    pages = (ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "tests" / "README.md", *(ROOT / "docs").glob("*.md"))
    for page in pages:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        targets = re.findall(r"\]\(([^)#\s]+)", text)
        gone = [each for each in targets if "://" not in each and not (page.parent / each).exists()]
        assert gone == [], page.name


def test_the_changelog_begins_with_this_version() -> None:
    """The newest entry of CHANGELOG.md is the version that is installed and built."""
    newest = re.search(r"^## \[?v?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == __version__
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_documents_name_no_place_of_ours() -> None:
    """Nothing a user reads mentions a path of the machine it was written on."""
    for page in [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "mocks").rglob("README.md"),
        ROOT / "tests" / "README.md",
    ]:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"/(?:work|root|home/\w+)/", text), page
