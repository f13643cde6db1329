"""Mutation testing of the judges and of money: whether some test notices when one of their lines is wrong.

    python scripts/mutation.py                            60 minutes, every family, a seed that is printed
    python scripts/mutation.py --minutes 8 --seed 3 --only oracles/money --only money

cosmic-ray's operators find and make the mutants, ours add what it lacks; its own runner is not used, because it cannot
draw a sample within a budget, and because of its 120 operators most replace a sum by a shift or a comparison by `is`,
which any test kills and which would flatter the figure. Each family is one module with the tests that are to notice.
Annotations, docstrings, the switches of dataclasses and what is no other program are left alone. Mutants are drawn
from the families by turns, each is tried in a temporary copy of src/ and tests/ (mutation_lane.py), and what no test
notices is printed with its place and its diff. Exit code 0: at least 90 % were killed; 1: fewer; 2: a family's tests
fail without any mutant.
"""

# ruff: noqa: T201, S311 - what it prints is what it is for; its draws are seeded and guard nothing

from __future__ import annotations

import argparse
import ast
import difflib
import functools
import json
import os
import queue
import random
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
from mutation_lane import Broken, Lane, is_another  # type: ignore[import-not-found]  # beside this script when it runs
from parso.python.tree import Name, ReturnStmt

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 0.90
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


@functools.cache
def source_of(family: Family) -> str:
    """Return the text of a family's module, as it was when it was first asked for."""
    return (ROOT / family.module).read_text(encoding="utf-8")


def mutants_of(family: Family) -> list[Mutant]:
    """Return every mutant of a family's module that is another program."""
    source = source_of(family)
    nodes, idle = list(ast_nodes(get_ast(source))), _idle(ast.parse(source))
    found = []
    for name, operator in OPERATORS.items():
        positions = (start for node in nodes for start, _ in operator.mutation_positions(node))
        found += [
            Mutant(family, name, occurrence, start[0])
            for occurrence, start in enumerate(positions)
            if not any(first <= start < last for first, last in idle)
        ]
    return found


def _idle(tree: ast.Module) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return where nothing is done that a test could notice: annotations, switches of dataclasses, a bare `*`."""
    found: list[ast.expr | None] = []
    signs = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            arguments = node.args
            found += [each.annotation for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
            found.append(node.returns)
            if arguments.kwonlyargs and arguments.vararg is None:
                # The sign stands between these two and is no node of its own.
                first, last = (arguments.posonlyargs + arguments.args)[-1:], arguments.kwonlyargs[0]
                begin = (first[0].lineno, first[0].col_offset) if first else (node.lineno, node.col_offset)
                signs.append((begin, (last.lineno, last.col_offset)))
        elif isinstance(node, ast.AnnAssign):
            found.append(node.annotation)
        elif isinstance(node, ast.ClassDef):
            found += node.decorator_list
    spans = [
        ((each.lineno, each.col_offset), (each.end_lineno or 0, each.end_col_offset or 0)) for each in found if each
    ]
    return spans + signs


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
        copies = _lanes(Path(name), chosen, lanes)

        def work(lane: Lane) -> None:
            while time.monotonic() < deadline:
                try:
                    mutant = waiting.get_nowait()
                except queue.Empty:
                    return
                if (outcome := try_out(mutant, lane)) is not None:
                    tried.append((mutant, *outcome))

        threads = [threading.Thread(target=work, args=(lane,)) for lane in copies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for lane in copies:
            lane.close()
    return tried


def _lanes(folder: Path, chosen: Sequence[Family], lanes: int) -> list[Lane]:
    """Return lanes whose tests pass on healthy code; `SystemExit` 2 where they do not."""
    every = list(dict.fromkeys(test for family in chosen for test in family.tests))
    copies = [Lane(folder / str(number), every) for number in range(lanes)]
    try:
        for lane in copies:
            for family in chosen:
                lane.check(family.module, source_of(family))
            lane.wait_until_ready()
            for tests in dict.fromkeys(family.tests for family in chosen):
                lane.learn_duration(tests)
    except Broken as error:
        print(f"nothing can be said of mutants: {error}")
        raise SystemExit(2) from error
    return copies


def try_out(mutant: Mutant, lane: Lane) -> tuple[bool, str] | None:
    """Return whether the mutant was noticed, and its diff; None where it is no other program."""
    before = source_of(mutant.family)
    after = mutant.code(before)
    if not is_another(before, after):
        return None
    noticed = lane.notices(mutant.family.module, before, after, mutant.family.tests)
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return noticed, "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def report(
    seed: int, mutants: Sequence[Mutant], tried: Sequence[tuple[Mutant, bool, str]], json_path: Path | None
) -> int:
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
        figures = {"seed": seed, "families": counts, "survivors": lines}
        json_path.write_text(json.dumps(figures, indent=2, ensure_ascii=False), encoding="utf-8")
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
    tried = run(chosen, mutants, options.minutes, options.lanes)
    return report(options.seed, mutants, tried, options.json_path)


if __name__ == "__main__":
    sys.exit(main())
