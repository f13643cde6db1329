"""Finds the flows of suites and chooses among them by id, case, tag and words."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from assay.errors import UsageError, did_you_mean
from assay.flow import TAGS, Case, Flow

_FOLDER = "scenarios"


def load_flows(roots: Sequence[Path]) -> dict[str, Flow]:
    """Import ``scenarios/*.py`` of every suite root and return the flows in them by id, in the order of their files.

    A file of the first root hides one of the same name further on. Tests, ``conftest.py`` and files that begin with an
    underscore are passed over. The roots must be on sys.path (`assay.suites.enter`) where scenarios import each other.
    `UsageError` for a file that cannot be imported, or two flows with one id.
    """
    files: dict[str, Path] = {}
    for root in roots:
        for path in sorted((root / _FOLDER).glob("*.py")):
            if not path.name.startswith(("test_", "_")) and path.name != "conftest.py":
                files.setdefault(path.stem, path.resolve())
    found: dict[str, Flow] = {}
    for path in files.values():
        for each in vars(_imported(path)).values():
            if isinstance(each, Flow):
                _add(found, each)
    return found


def choose(
    flows: Mapping[str, Flow], *, names: Iterable[str] = (), tags: Iterable[str] = (), words: str = ""
) -> list[tuple[Flow, Case]]:
    """Return the cases to run: of these flows (all where none is named), with all these tags and these words.

    names: ``F01`` or one case of it, ``F01[eur]``. words: what ``F01[eur] title`` must hold, in any case.
    `UsageError` with a suggestion for an unknown flow, case or tag; nothing left is an empty list.
    """
    wanted, named = set(tags), tuple(names)
    for tag in sorted(wanted):
        if tag not in TAGS:
            raise UsageError(f"no flow has the tag '{tag}'", hint=did_you_mean(tag, TAGS))
    pairs = [pair for name in named or tuple(flows) for pair in _named(flows, name)]
    once = {(flow.id, case.name): (flow, case) for flow, case in pairs}
    return [
        (flow, case)
        for flow, case in once.values()
        if wanted <= set(flow.tags) and words.lower() in f"{flow.id}[{case.name}] {flow.title}".lower()
    ]


def _named(flows: Mapping[str, Flow], name: str) -> list[tuple[Flow, Case]]:
    flow_id, bracket, rest = name.partition("[")
    if flow_id not in flows:
        raise UsageError(f"no flow '{flow_id}'", hint=did_you_mean(flow_id, flows))
    flow = flows[flow_id]
    cases = [flow.case(rest.removesuffix("]"))] if bracket else list(flow.cases)
    return [(flow, case) for case in cases]


def _add(found: dict[str, Flow], flow: Flow) -> None:
    known = found.setdefault(flow.id, flow)
    if known is not flow:
        files = [each.act.__code__.co_filename for each in (known, flow)]
        raise UsageError(f"two flows have the id '{flow.id}'", where=" and ".join(files), hint="rename one of them")


def _imported(path: Path) -> ModuleType:
    """Import a file under the name by which scenarios and tests import it, or return it where they already did."""
    name = f"{_FOLDER}.{path.stem}"
    known = sys.modules.get(name)
    if known is not None and known.__file__ is not None and Path(known.__file__).resolve() == path:
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # it ends with .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except UsageError as error:
        sys.modules.pop(name, None)
        error.where = error.where or str(path)
        raise
    except (Exception, SystemExit) as error:  # a file that exits would end the command, and with exit 0
        sys.modules.pop(name, None)
        raise UsageError(
            "a scenario cannot be imported",
            where=_where(error, path),
            seen=f"{type(error).__name__}: {error}",
            hint="mend that line; `python -m pytest scenarios` shows the whole traceback",
        ) from error
    return module


def _where(error: BaseException, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    line, trace = None, error.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).resolve() == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return str(path) if line is None else f"{path}:{line}"
