"""Mutation testing of the judges and of money: whether some test notices when one of their lines is wrong.

    python scripts/mutation.py                            60 minutes, every family, a seed that is printed
    python scripts/mutation.py --minutes 8 --seed 3 --only oracles/money --only money

cosmic-ray's operators find and make the mutants, ours add what it lacks; its own runner is not used, because it cannot
draw a sample within a budget, and because of its 120 operators most replace a sum by a shift or a comparison by `is`,
which any test kills and which would flatter the figure. Each family is one module with the tests that are to notice.
Mutants are drawn from the families by turns, each is tried in a temporary copy of src/ and tests/, and what no test
notices is printed with its place and its diff. Exit code 0: at least 90 % were killed; 1: fewer; 2: a family's tests
fail without any mutant.
"""

# ruff: noqa: T201, S311 - what it prints is what it is for; its draws are seeded and guard nothing

from __future__ import annotations

import argparse
import difflib
import json
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast  # type: ignore[import-untyped]
from cosmic_ray.mutating import mutate_code  # type: ignore[import-untyped]
from cosmic_ray.operators.operator import Operator  # type: ignore[import-untyped]
from cosmic_ray.plugins import get_operator  # type: ignore[import-untyped]
from parso.python.tree import Name, ReturnStmt

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 0.90
PATIENCE = 8
"""How many times longer than on healthy code tests may take before a mutant counts as noticed: it does not end."""
_SETTINGS = """
import hypothesis
hypothesis.settings.register_profile("mutation", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("mutation")
"""
_SWAPS = {
    "BinaryOperator": ("Add_Sub", "Sub_Add", "Mul_Div", "Mul_Add", "Div_Mul", "FloorDiv_Mul", "Mod_FloorDiv", "Pow_Mul",
                       "BitAnd_BitOr", "BitXor_BitOr"),
    "ComparisonOperator": ("Eq_NotEq", "NotEq_Eq", "Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt", "Gt_GtE", "Gt_LtE", "GtE_Gt",
                           "GtE_Lt", "Is_IsNot", "IsNot_Is"),
    "UnaryOperator": ("USub_UAdd", "Delete_Not"),
}  # fmt: skip
_PLAIN = ("AddNot", "NumberReplacer", "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceTrueWithFalse",
          "ReplaceFalseWithTrue", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ZeroIterationForLoop",
          "ExceptionReplacer")  # fmt: skip


class ReturnNothing(Operator):  # type: ignore[misc]
    """Replace what is returned by None."""

    @classmethod
    def examples(cls) -> Sequence[Any]:
        """Say nothing: examples are for cosmic-ray's own tests."""
        return ()

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        """Yield returns of anything but None."""
        if isinstance(node, ReturnStmt) and node.children[1].get_code().strip() != "None":
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Return `return None`."""
        node.children[1] = Name("None", node.children[1].start_pos, prefix=" ")
        return node


class SwapCall(Operator):  # type: ignore[misc]
    """Call `all` for `any`, `max` for `min`, and the other way round."""

    swaps = {"any": "all", "all": "any", "min": "max", "max": "min"}  # noqa: RUF012

    @classmethod
    def examples(cls) -> Sequence[Any]:
        """Say nothing: examples are for cosmic-ray's own tests."""
        return ()

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        """Yield the names of these functions where they are called."""
        if isinstance(node, Name) and node.value in self.swaps and node.parent and node.parent.type == "atom_expr":
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Return the other name."""
        node.value = self.swaps[node.value]
        return node


OPERATORS: dict[str, Operator] = {
    **{f"{kind}_{swap}": get_operator(f"core/Replace{kind}_{swap}")() for kind, all in _SWAPS.items() for swap in all},
    **{name: get_operator(f"core/{name}")() for name in _PLAIN},
    "ReturnNothing": ReturnNothing(),
    "SwapCall": SwapCall(),
}


@dataclass(frozen=True, slots=True)
class Family:
    """A module of src/assay and the tests that are to notice when it is wrong."""

    name: str
    tests: tuple[str, ...]

    @property
    def module(self) -> Path:
        """Its file below the root."""
        return Path("src") / "assay" / f"{self.name}.py"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one family's module."""

    family: Family
    operator: str
    occurrence: int
    line: int

    def code(self, source: str) -> str:
        """Return the module with the change."""
        return str(mutate_code(source, OPERATORS[self.operator], self.occurrence))


def families() -> list[Family]:
    """Return every family: money, rounding, exponents, and each module of oracles/."""
    # What gathers dossiers is another module's test, and one that waits for real time.
    judges = [*_tests("oracles/test_*.py"), "tests/engine/test_strangers.py"]
    judges.remove("tests/engine/oracles/test_gather.py")
    modules = sorted((ROOT / "src/assay/oracles").glob("*.py"))
    return [
        *(Family(name, tuple(_tests(f"test_{name}*.py"))) for name in ("money", "rounding", "exponents")),
        *(Family(f"oracles/{path.stem}", tuple(judges)) for path in modules if path.stem != "__init__"),
    ]


def _tests(pattern: str) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in sorted((ROOT / "tests/engine").glob(pattern))]


def mutants_of(family: Family) -> list[Mutant]:
    """Return every mutant of a family's module that is another program."""
    source = (ROOT / family.module).read_text(encoding="utf-8")
    nodes = list(ast_nodes(get_ast(source)))
    found = []
    for name, operator in OPERATORS.items():
        positions = (start for node in nodes for start, _ in operator.mutation_positions(node))
        found += [Mutant(family, name, occurrence, start[0]) for occurrence, start in enumerate(positions)]
    return found


class Lane:
    """A copy of src/ and tests/ in which one mutant at a time is tried."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("src", "tests/engine"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        # A busy machine must not kill a mutant by Hypothesis's own time limit, nor luck decide.
        (folder / "mutation_settings.py").write_text(_SETTINGS, encoding="utf-8")

    def notices(self, tests: Sequence[str], limit_s: float | None) -> bool:
        """Say whether these tests fail or do not end in time."""
        # No conftest and no plugin: these tests need neither, and loading them costs more than the tests.
        path = os.pathsep.join([str(self.folder / "src"), str(self.folder)])
        variables = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": path}
        options = ["-x", "-q", "--no-header", "--noconftest", "-p", "no:randomly", "-p", "no:cacheprovider"]
        options += ["-p", "mutation_settings"]
        with subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, *tests],
            cwd=self.folder,
            env={**os.environ, **variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as child:
            try:
                return child.wait(limit_s) != 0
            except subprocess.TimeoutExpired:
                child.kill()
                return True

    def try_out(self, mutant: Mutant, limit_s: float) -> tuple[bool, str]:
        """Return whether the mutant was noticed, and its diff."""
        file = self.folder / mutant.family.module
        before = file.read_text(encoding="utf-8")
        after = mutant.code(before)
        file.write_text(after, encoding="utf-8")
        try:
            noticed = self.notices(mutant.family.tests, limit_s)
        finally:
            file.write_text(before, encoding="utf-8")
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
        return noticed, "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def drawn(chosen: Sequence[Family], seed: int) -> list[Mutant]:
    """Return all mutants in a drawn order in which the families take turns."""
    draw = random.Random(seed)
    decks = [mutants_of(family) for family in chosen]
    for deck in decks:
        draw.shuffle(deck)
    longest = max((len(deck) for deck in decks), default=0)
    return [deck[turn] for turn in range(longest) for deck in decks if turn < len(deck)]


def run(
    chosen: Sequence[Family], mutants: Sequence[Mutant], minutes: float, lanes: int
) -> list[tuple[Mutant, bool, str]]:
    """Try mutants until the time is over; `SystemExit` 2 where a family's tests fail on healthy code."""
    deadline = time.monotonic() + minutes * 60
    waiting: queue.SimpleQueue[Mutant] = queue.SimpleQueue()
    for mutant in mutants:
        waiting.put(mutant)
    tried: list[tuple[Mutant, bool, str]] = []
    with tempfile.TemporaryDirectory(prefix="assay-mutation-") as name:
        copies = [Lane(Path(name) / str(number)) for number in range(lanes)]
        healthy_s = {}
        for tests in dict.fromkeys(family.tests for family in chosen):
            began = time.monotonic()
            if copies[0].notices(tests, None):
                print(f"the tests fail without any mutant: {' '.join(tests)}")
                raise SystemExit(2)
            healthy_s[tests] = time.monotonic() - began

        def work(lane: Lane) -> None:
            while time.monotonic() < deadline:
                try:
                    mutant = waiting.get_nowait()
                except queue.Empty:
                    return
                tried.append((mutant, *lane.try_out(mutant, PATIENCE * healthy_s[mutant.family.tests] + 10)))

        threads = [threading.Thread(target=work, args=(lane,)) for lane in copies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return tried


def report(mutants: Sequence[Mutant], tried: Sequence[tuple[Mutant, bool, str]], json_path: Path | None) -> int:
    """Print the survivors, the figures by family and the verdict; return the exit code."""
    survivors = sorted((each for each in tried if not each[1]), key=lambda each: (each[0].family.name, each[0].line))
    for mutant, _, diff in survivors:
        print(f"\nsurvived  {mutant.family.module}:{mutant.line}  {mutant.operator}\n{diff}")
    there = Counter(mutant.family.name for mutant in mutants)
    seen = Counter(mutant.family.name for mutant, _, _ in tried)
    killed = Counter(mutant.family.name for mutant, noticed, _ in tried if noticed)
    print(f"\n{'family':<22}{'mutants':>8}{'tried':>8}{'killed':>8}{'survived':>10}")
    for name in there:
        share = f"{killed[name] / seen[name]:.0%}" if seen[name] else "-"
        print(f"{name:<22}{there[name]:>8}{seen[name]:>8}{killed[name]:>8}{seen[name] - killed[name]:>10}  {share:>5}")
    share_of_all = killed.total() / max(seen.total(), 1)
    good = bool(seen) and share_of_all >= LIMIT
    print(
        f"{killed.total()} of {seen.total()} killed, {share_of_all:.1%}   "
        f"limit {LIMIT:.0%}   {'within' if good else 'UNDER'}"
    )
    if json_path is not None:
        lines = [
            {"file": str(m.family.module), "line": m.line, "operator": m.operator, "diff": d} for m, _, d in survivors
        ]
        counts = {name: {"mutants": there[name], "tried": seen[name], "killed": killed[name]} for name in there}
        json_path.write_text(json.dumps({"families": counts, "survivors": lines}, indent=2, ensure_ascii=False))
    return 0 if good else 1


def main() -> int:
    """Draw, try, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--lanes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", action="append", choices=[family.name for family in families()], metavar="FAMILY")
    parser.add_argument("--json", type=Path, dest="json_path")
    options = parser.parse_args()
    chosen = [family for family in families() if not options.only or family.name in options.only]
    mutants = drawn(chosen, options.seed)
    print(
        f"seed {options.seed}, {len(mutants)} mutants in {len(chosen)} families, {options.minutes:g} minutes",
        flush=True,
    )
    return report(mutants, run(chosen, mutants, options.minutes, options.lanes), options.json_path)


if __name__ == "__main__":
    sys.exit(main())
