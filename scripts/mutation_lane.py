"""Tries one mutant at a time on a copy of src/ and tests/: with tests that stand ready, or with all of a family anew.

    python scripts/mutation_lane.py FD_IN FD_OUT TESTS...      only scripts/mutation.py starts it so, in a copy

Starting pytest costs more than the judges' tests do. So one process collects them once, learns which of them enter
which function, and forks for each mutant: the child gives the one function that differs its other code, and runs the
tests that enter it, quickest first. A mutant outside of functions, and one that nobody noticed so, is tried again by
all tests of its family in a process of its own, which alone may call it a survivor.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 8
"""How many times longer than on healthy code tests may take before a mutant counts as noticed: it does not end."""
_SETTINGS = """
import hypothesis
hypothesis.settings.register_profile("mutation", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("mutation")
"""
# No conftest and no plugin: these tests need neither, and loading them costs more than the tests.
_OPTIONS = ("-x", "-q", "--no-header", "--noconftest", "-p", "no:randomly", "-p", "no:cacheprovider",
            "-p", "mutation_settings")  # fmt: skip
_GRACE_S = 10.0


class Broken(Exception):
    """The tests fail without any mutant."""


class Lane:
    """A copy of src/ and tests/ in which one mutant at a time is tried; `close` ends its process."""

    def __init__(self, folder: Path, tests: Sequence[str]) -> None:
        self.folder = folder
        for name in ("src", "tests/engine"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        # A busy machine must not kill a mutant by Hypothesis's own time limit, nor luck decide.
        (folder / "mutation_settings.py").write_text(_SETTINGS, encoding="utf-8")
        asked, self._ask = os.pipe()
        self._hear, answered = os.pipe()
        self._ready = subprocess.Popen(
            [sys.executable, __file__, str(asked), str(answered), *tests],
            cwd=folder,
            env=self._variables(),
            pass_fds=(asked, answered),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(asked)
        os.close(answered)
        self._answers = os.fdopen(self._hear, encoding="utf-8")
        self._healthy_s: dict[tuple[str, ...], float] = {}
        self._second = int(time.time())

    def wait_until_ready(self) -> None:
        """Wait until every test passed on healthy code; `Broken` names those that did not."""
        told = json.loads(self._answers.readline() or '{"broken": ["none could be collected"]}')
        if told["broken"]:
            raise Broken(f"these fail without any: {', '.join(told['broken'])}")

    def check(self, module: Path, text: str) -> None:
        """Raise `Broken` where the copy has another text of a module than the one its mutants were drawn from."""
        if (self.folder / module).read_text(encoding="utf-8") != text:
            raise Broken(f"{module} was edited while its mutants were drawn: start again")

    def close(self) -> None:
        """End the process that holds the tests."""
        os.close(self._ask)
        self._answers.close()
        self._ready.wait()

    def notices(self, module: Path, before: str, after: str, tests: Sequence[str]) -> bool:
        """Say whether one of these tests fails, or does not end, with the module's other text."""
        changed = changed_functions(before, after)
        if changed is not None and self._ready_ones_notice(module, after, tests):
            return True
        self._write(module, after)
        try:
            return self._all_notice(tuple(tests))
        finally:
            self._write(module, before)

    def _write(self, module: Path, text: str) -> None:
        (self.folder / module).write_text(text, encoding="utf-8")
        # Compiled files are known by whole seconds and size: no mutant may be taken for another one.
        self._second += 1
        os.utime(self.folder / module, (self._second, self._second))

    def _ready_ones_notice(self, module: Path, after: str, tests: Sequence[str]) -> bool:
        line = json.dumps({"module": str(module), "after": after, "tests": list(tests)}) + "\n"
        content = line.encode()
        while content:
            content = content[os.write(self._ask, content) :]
        return bool(json.loads(self._answers.readline())["noticed"])

    def _all_notice(self, tests: tuple[str, ...]) -> bool:
        limit_s = None
        if tests in self._healthy_s:
            limit_s = PATIENCE * self._healthy_s[tests] + _GRACE_S
        with subprocess.Popen(
            [sys.executable, "-m", "pytest", *_OPTIONS, *tests],
            cwd=self.folder,
            env=self._variables(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as child:
            try:
                return child.wait(limit_s) != 0
            except subprocess.TimeoutExpired:
                child.kill()
                return True

    def learn_duration(self, tests: Sequence[str]) -> None:
        """Measure how long all tests of a family take in a process of their own; `Broken` if they fail."""
        began = time.monotonic()
        if self._all_notice(tuple(tests)):
            raise Broken(f"these fail without any: {' '.join(tests)}")
        self._healthy_s[tuple(tests)] = time.monotonic() - began

    def _variables(self) -> dict[str, str]:
        path = os.pathsep.join([str(self.folder / "src"), str(self.folder)])
        added = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": path}
        return {**os.environ, **added}


def changed_functions(before: str, after: str) -> list[CodeType] | None:
    """Return the new code of each outermost function that differs; None where something outside of functions does."""
    return _changed(compile(before, "a", "exec"), compile(after, "a", "exec"))


def is_another(before: str, after: str) -> bool:
    """Say whether a text is a program at all, and does not compile to the same as before."""
    try:
        return _whole(compile(before, "a", "exec")) != _whole(compile(after, "a", "exec"))
    except SyntaxError:
        return False


def _changed(before: CodeType, after: CodeType) -> list[CodeType] | None:
    if _own(before) != _own(after):
        return None
    found = []
    for old, new in zip(_nested(before), _nested(after), strict=True):
        if _whole(old) == _whole(new):
            continue
        if old.co_flags & 0x2:  # optimised locals: a function; a class's body has none
            if (
                old.co_freevars != new.co_freevars
                or old.co_varnames[: old.co_argcount] != new.co_varnames[: new.co_argcount]
            ):
                return None
            found.append(new)
        elif (inner := _changed(old, new)) is not None:
            found += inner
        else:
            return None
    return found


def _nested(code: CodeType) -> list[CodeType]:
    return [each for each in code.co_consts if isinstance(each, CodeType)]


def _own(code: CodeType) -> tuple[Any, ...]:
    constants = [(type(each), repr(each)) for each in code.co_consts if not isinstance(each, CodeType)]
    return code.co_code, code.co_names, constants, [each.co_qualname for each in _nested(code)]


def _whole(code: CodeType) -> tuple[Any, ...]:
    return _own(code), [_whole(each) for each in _nested(code)]


class Ready:
    """A pytest plugin: holds the collected tests, and runs some of them against each mutant it is sent."""

    def __init__(self, asked: int, answered: int) -> None:
        self._asked, self._answered = asked, answered
        self._failed: list[str] = []
        self._entered: dict[tuple[str, int], set[str]] = defaultdict(set)
        self._took_s: dict[str, float] = defaultdict(float)
        self._items: list[pytest.Item] = []
        self._stops = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what fails; a child ends with its first one."""
        self._took_s[report.nodeid] += report.duration
        if report.failed:
            self._failed.append(report.nodeid)
            if self._stops:
                os._exit(1)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Learn from one healthy run, then answer until nobody asks any more."""
        self._items = session.items
        healthy_s = self._learn()
        with os.fdopen(self._asked, encoding="utf-8") as asked:
            for line in asked:
                self._say({"noticed": self._try(json.loads(line), healthy_s)})
        return True

    def _say(self, what: Mapping[str, object]) -> None:
        os.write(self._answered, (json.dumps(what) + "\n").encode())

    def _learn(self) -> float:
        """Run every test in a child that reports which functions each entered; return how long they took."""
        hear, tell = os.pipe()
        began = time.monotonic()
        if (child := os.fork()) == 0:
            self._note_entries()
            found = [[file, line, sorted(tests)] for (file, line), tests in self._entered.items()]
            report = {"entered": found, "took_s": self._took_s, "broken": self._failed}
            with os.fdopen(tell, "w", encoding="utf-8") as out:
                json.dump(report, out)
            os._exit(0)
        os.close(tell)
        with os.fdopen(hear, encoding="utf-8") as reported:
            told = json.load(reported)
        os.waitpid(child, 0)
        self._entered = {(file, line): set(tests) for file, line, tests in told["entered"]}
        self._took_s.update(told["took_s"])
        self._say({"broken": told["broken"]})
        return time.monotonic() - began

    def _note_entries(self) -> None:
        source = f"{os.sep}src{os.sep}assay{os.sep}"
        current: set[tuple[str, int]] = set()

        def enter(frame: FrameType, event: str, arg: object) -> None:
            code = frame.f_code
            if source in code.co_filename:
                current.add((code.co_filename.partition(source)[2], code.co_firstlineno))

        for item in self._items:
            current.clear()
            sys.settrace(enter)
            self._run(item)
            sys.settrace(None)
            for place in current:
                self._entered[place].add(item.nodeid)

    def _run(self, item: pytest.Item, following: pytest.Item | None = None) -> None:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)

    def _try(self, asked: Mapping[str, Any], healthy_s: float) -> bool:
        """Say whether a test that enters a changed function fails or does not end."""
        file = Path(asked["module"])
        changed = changed_functions(file.read_text(encoding="utf-8"), asked["after"]) or []
        short = str(file).partition(f"src{os.sep}assay{os.sep}")[2]
        entering = set().union(*(self._entered.get((short, code.co_firstlineno), set()) for code in changed))
        chosen = [each for each in self._items if each.nodeid in entering and each.nodeid.partition("::")[0] in
                  asked["tests"]]  # fmt: skip
        chosen.sort(key=lambda each: self._took_s[each.nodeid])
        expected_s = sum(self._took_s[each.nodeid] for each in chosen)
        if (child := os.fork()) == 0:
            self._become(short, changed, chosen)
        return _ends_badly(child, PATIENCE * min(expected_s, healthy_s) + _GRACE_S)

    def _become(self, module: str, changed: Sequence[CodeType], chosen: Sequence[pytest.Item]) -> NoReturn:
        """Be the mutant: give the functions their other code, run these tests, and end with 1 at the first failure."""
        try:
            for code in changed:
                for function in _functions(module, code):
                    function.__code__ = code.replace(co_filename=function.__code__.co_filename)
            for wrapper in _caches():
                wrapper.cache_clear()
            self._stops = True
            for item, following in itertools.zip_longest(chosen, chosen[1:]):
                self._run(item, following)
        except BaseException:
            # Whatever else went wrong is no verdict: all tests of the family will say.
            os._exit(2)
        os._exit(0)


def _functions(module: str, code: CodeType) -> Iterator[FunctionType]:
    """Yield the living functions of a module that have this place and name; a wrapper keeps the one it wraps."""
    for each in gc.get_objects():
        if type(each) is FunctionType and each.__code__.co_firstlineno == code.co_firstlineno:
            known = each.__code__
            if known.co_qualname == code.co_qualname and known.co_filename.endswith(f"{os.sep}assay{os.sep}{module}"):
                yield each


def _caches() -> Iterator[Any]:
    """Yield every cache of ours: what was worked out before the change must not hide it."""
    for each in gc.get_objects():
        if type(each).__name__ == "_lru_cache_wrapper" and str(each.__module__).startswith("assay."):
            yield each


def _ends_badly(child: int, limit_s: float) -> bool:
    """Say whether a child ends with 1, or does not end in time and is killed."""
    watched = os.pidfd_open(child)
    try:
        if not select.select([watched], [], [], limit_s)[0]:
            os.kill(child, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) in (1, -signal.SIGKILL)
    finally:
        os.close(watched)


if __name__ == "__main__":
    sys.exit(pytest.main([*_OPTIONS, *sys.argv[3:]], plugins=[Ready(int(sys.argv[1]), int(sys.argv[2]))]))
