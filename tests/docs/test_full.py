"""The long run: its shards leave nothing out, an endless part is ended, and its page says what the figures say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psutil
import pytest

from scripts import full, full_figures
from scripts.full import Part

ROOT = Path(__file__).parents[2]
JUNIT = """\
<testsuites><testsuite>
<testcase classname="tests.engine.test_money" name="test_sum" time="1.5"/>
<testcase classname="tests.engine.test_money" name="test_share[a|b]" time="0.5">
<failure message="AssertionError: 1 &lt; 2&#10;more"/></testcase>
<testcase classname="tests.engine.test_money" name="test_clean" time="0.1"/>
<testcase classname="tests.engine.test_money" name="test_clean" time="0.2"><error message="left open"/></testcase>
<testcase classname="tests.engine.test_npm" name="test_npm" time="0"><skipped message="npm is not here"/></testcase>
</testsuite></testsuites>
"""
SELFTEST = {
    "counts": {"defects": 2, "caught": 1, "missed": 1, "alarms": 1},
    "defects": {
        "MON-01": {"meaning": "JPY with decimals", "caught": True, "oracles": ["O-M1"]},
        "MON-02": {"meaning": "half a cent", "caught": False, "oracles": []},
    },
    "innocent": {"INN-01": {"meaning": "rounding", "alarms": ["O-E2: off by 0.01"]}},
    "waiting": {"MON-16": {"meaning": "refund", "waits_for": "F06: refunds"}},
}
MUTATION = {
    "families": {"money": {"mutants": 20, "tried": 10, "killed": 9}},
    "survivors": [{"file": "money.py", "line": 7, "operator": "Add_Sub", "diff": "-a + b\n+a - b"}],
}
BENCH = {"html": {"exit_code": 0, "seconds": 1.0, "limits": ["0.9 s limit 2 s"]}, "far": {"exit_code": 1, "limits": []}}
FIDELITY = [{"client": "stripe", "version": "16", "passed": 3, "planned": 4, "problem": "refund", "is_pass": False}]


def part(name: str, *command: str, figures: str = "json", **more: str) -> Part:
    """Return a part of at most a second."""
    return Part(name, f"the {name}", command or (sys.executable, "-c", ""), 1, figures, more)


def test_every_test_file_is_in_exactly_one_part() -> None:
    """The parts of tests hold each file once, and but for the drawn orders in shares of about a size."""
    named = Counter(
        argument
        for each in full.parts()
        if each.figures == "xml"
        for argument in each.command
        if argument.endswith(".py")
    )
    there = [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("scenarios/**/test_*.py")]
    assert set(named) == {path.relative_to(ROOT).as_posix() for path in there}
    assert set(named.values()) == {1}
    sizes = [len(full.dealt(full.test_files(), number, full.TEST_PARTS)) for number in range(1, full.TEST_PARTS + 1)]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("of", [1, 2, 3, 7, 9])
def test_shards_together_are_everything(of: int) -> None:
    """However many machines divide the parts, each part runs on exactly one of them."""
    everything = full.parts()
    names = [each.name for number in range(1, of + 1) for each in full.chosen(f"{number}/{of}", everything)]
    assert sorted(names) == sorted(each.name for each in everything)


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1/", "/2", "1", "half", "-1/2", "bench,half"])
def test_a_shard_that_is_none_is_refused(shard: str) -> None:
    """A share that cannot be is refused with what would be one."""
    with pytest.raises(ValueError, match=r"expected K/N .* or of these: tests-1"):
        full.chosen(shard, full.parts())


def test_parts_are_chosen_by_name() -> None:
    """Names choose parts, in the order in which they always run."""
    assert [each.name for each in full.chosen("mutation,tests-2", full.parts())] == ["tests-2", "mutation"]


def test_what_make_full_runs_is_listed_with_limits() -> None:
    """The self-test, mutation, speed and the vendors' clients are parts of their own, each within a bounded time."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "full.py"), "--list"], capture_output=True, text=True, check=True
    )
    assert all(each in done.stdout for each in ("tests-1", "selftest", "mutation", "bench", "drift", "fidelity"))
    assert all(0 < each.limit_minutes <= 90 for each in full.parts())


def test_a_part_tells_how_it_went(tmp_path: Path) -> None:
    """A part leaves its words, its exit code, the commit and the machine."""
    assert not full.perform(part("sad", sys.executable, "-c", "print('words'); raise SystemExit(3)"), tmp_path)
    record = json.loads((tmp_path / "sad.run.json").read_text())
    assert (record["exit_code"], record["cores"], record["limit_minutes"]) == (3, os.cpu_count(), 1)
    assert len(record["commit"]) == 40
    assert (tmp_path / "sad.log").read_text() == "words\n"


def test_old_figures_do_not_stand_for_a_part_that_fell_over(tmp_path: Path) -> None:
    """A part that ends before it wrote its figures has none, whatever its last run left."""
    (tmp_path / "bench.json").write_text(json.dumps(BENCH))
    full.perform(part("bench", sys.executable, "-c", "raise SystemExit(1)"), tmp_path)
    text = full_figures.page([part("bench")], tmp_path)
    assert "**failed**, left no figures" in text
    assert "0.9 s limit 2 s" not in text


def test_an_endless_part_is_ended(tmp_path: Path) -> None:
    """A part that takes longer than its limit is ended with all it started, and the page says so."""
    endless = Part("endless", "waits", (sys.executable, "-c", "import time; time.sleep(60)"), 0)
    assert not full.perform(endless, tmp_path)
    assert json.loads((tmp_path / "endless.run.json").read_text())["exit_code"] == full.TOO_LONG
    assert "**ended: too long**" in full_figures.page([endless], tmp_path)


def test_nothing_a_part_started_is_left(tmp_path: Path) -> None:
    """A server that a part started in a group of its own and forgot is ended with it."""
    forgets = (
        "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], "
        "start_new_session=True); print(child.pid)"
    )
    assert full.perform(part("forgetful", sys.executable, "-W", "ignore", "-c", forgets), tmp_path)
    pid = int((tmp_path / "forgetful.log").read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_the_page_says_what_the_figures_say(tmp_path: Path) -> None:
    """Counts, failures, skips with reasons, missed defects, false alarms, survivors and limits all come through."""
    everything = [
        part("tests-1", figures="xml"),
        *(part(name) for name in ("selftest", "mutation", "bench", "fidelity", "later")),
    ]
    for each in everything[:-1]:
        full.perform(each, tmp_path)
    (tmp_path / "tests-1.xml").write_text(JUNIT)
    answers = {"answers": {"stripe": 12}, "outside": {"stripe": 1}, "violations": {}, "operations": {"stripe": 5}}
    (tmp_path / "tests-1.answers.json").write_text(json.dumps(answers))
    for name, content in (("selftest", SELFTEST), ("mutation", MUTATION), ("bench", BENCH), ("fidelity", FIDELITY)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    text = full_figures.page(everything, tmp_path)
    for line in (
        "4 tests: 1 passed, 2 failed, 1 skipped.",
        "| tests/engine/test_money.py::test_share[a\\|b] | AssertionError: 1 &lt; 2 |",
        "| tests/engine/test_money.py::test_clean | left open |",
        "| tests/engine/test_npm.py::test_npm | npm is not here |",
        "12 answers, 0 violations.",
        "| MON-02 | half a cent |",
        "| INN-01 | O-E2: off by 0.01 |",
        "| MON-16 | F06: refunds |",
        "9 of 10 mutants killed, 90.0%.",
        "| money.py:7 | Add_Sub | -a + b +a - b |",
        "| html | 0.9 s limit 2 s | within |",
        "| far | no figure was printed | **exit 1** |",
        "| stripe | 16 | 3/4 | **failed** refund |",
        "| later | the later | not run | | | 1 | |",
    ):
        assert line in text.replace("|  |", "| |").replace("|  |", "| |"), text


def test_the_page_is_there_and_written_by_the_script() -> None:
    """docs/full.md is the script's: it has every part and names no place of the machine it was made on."""
    text = (ROOT / "docs" / "full.md").read_text(encoding="utf-8")
    assert text.startswith("# The long run\n\nWritten by `scripts/full_figures.py`")
    assert [each.name for each in full.parts() if f"| {each.name} |" not in text] == []
    assert str(ROOT) not in text
