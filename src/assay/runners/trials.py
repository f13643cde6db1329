"""What the self-test tries: the healthy shop, legal variations of it, and every defect, read from suites as data.

A defect is ``mocks/merchant/defects/<ID>.py``; nothing of it is imported here, but four names are read as data:

    SHOWN_BY = ("jpy", "F01[kwd]")        # the few cases that show it, a bare name is one of F01; all of F01, if absent
    CAUGHT_BY = ("O-M1",)                 # the oracles of which one must find it, or "step"; any, if absent
    SETTINGS = {"page_size": 1}           # settings of the shop under which it shows itself, legal ones
    WAITS_FOR = "F06: refunds"            # what is missing until any case can show it: it is listed and not tried

An innocent variation is ``scenarios/innocent/<ID>.toml``:

    meaning = "CHF cash rounding to 0.05 with a rounding line"
    guards = ["MON"]                      # defects of these classes are tried together with it
    cases = ["F01[eur]", "bundle"]        # cases that exist
    start = "2026-10-24T22:00:00Z"        # where the landscape's clock begins; now, if absent
    [shop]                                # settings of the shop
    cash_rounding = { CHF = "0.05" }
    [[fault]]                             # faults at the edge, as `assay faults add` takes them
    kind = "duplicate"
    system = "platform"
    [[purchase]]                          # cases of its own: what a flow's purchase is made of, over an existing case
    like = "F01[eur]"
    name = "chf"
    currency = "CHF"
    lines = [["0018", 1]]
"""

from __future__ import annotations

import ast
import hashlib
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay.errors import UsageError, did_you_mean
from assay.flow import Flow
from assay.local.plan import Plan
from assay.oracles import ORACLES, POPULATION_ORACLES
from assay.runners.campaign import flows_of
from assay.runners.contract_traffic import ORACLE as CONTRACTS
from assay.runners.run import Pair
from assay.runners.run_log import OUT
from assay.suite_flows import choose
from assay.suites import suite_roots

_DEFECTS = Path("mocks") / "merchant" / "defects"
_INNOCENT = Path("scenarios") / "innocent"
_MAIN_FLOW = "F01"
_KEYS = ("meaning", "guards", "cases", "start", "shop", "fault", "purchase")
HEALTHY = "healthy"
MATRIX = "selftest.json"
STEP = "step"
"""What caught a defect where no oracle did: a step of the flow that failed."""
_AT_FIRST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One landscape of the self-test.

    kind: healthy, innocent, defect, or waiting for a defect that nothing can show yet. pairs: the cases to run; `later`
    only where those showed nothing. caught_by: the oracles of which one must find the defect; any, where none is named.
    waits_for: what a waiting one waits for. start: where the landscape's clock begins, or None for now.
    """

    id: str
    kind: str
    meaning: str
    pairs: tuple[Pair, ...]
    later: tuple[Pair, ...] = ()
    caught_by: tuple[str, ...] = ()
    waits_for: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[Mapping[str, Any], ...] = ()
    start: datetime | None = None
    guards: tuple[str, ...] = ()


def trials_of(
    plan: Plan, *, classes: Sequence[str] = (), only: Sequence[str] = (), sample: str | None = None
) -> list[Trial]:
    """Return the trials of a project, those that must stay silent first; `UsageError` for a name nobody knows.

    sample: take but one defect for each oracle and every innocent variation; see `sampled`.
    """
    roots = suite_roots(plan.profile.folder)
    flows = flows_of(plan)
    known = _shown_last_time(plan.profile.folder / OUT / MATRIX)
    defects = [_sooner(trial, known.get(trial.id, ())) for trial in read_defects(roots, plan.defect_folders, flows)]
    trials = chosen([healthy(flows), *read_innocent(roots, flows), *defects], classes=classes, only=only)
    return trials if sample is None else sampled(trials, sample)


def healthy(flows: Mapping[str, Flow]) -> Trial:
    """Return the trial of the shop as it is, over every case of the release set."""
    return Trial(id=HEALTHY, kind="healthy", meaning="nothing is switched on", pairs=tuple(_main(flows)))


def read_defects(roots: Sequence[Path], further: Iterable[Path], flows: Mapping[str, Flow]) -> list[Trial]:
    """Return every defect of the suites and of further folders, by id."""
    files: dict[str, Path] = {}
    for folder in (*(root / _DEFECTS for root in roots), *further):
        for path in sorted(folder.glob("*.py")):
            if not path.name.startswith("_"):
                files.setdefault(path.stem, path)
    return [_defect(path, flows) for _, path in sorted(files.items())]


def read_innocent(roots: Sequence[Path], flows: Mapping[str, Flow]) -> list[Trial]:
    """Return every innocent variation of the suites, by id."""
    files: dict[str, Path] = {}
    for root in roots:
        for path in sorted((root / _INNOCENT).glob("*.toml")):
            files.setdefault(path.stem, path)
    return [_innocent(path, flows) for _, path in sorted(files.items())]


def chosen(trials: Sequence[Trial], *, classes: Sequence[str], only: Sequence[str]) -> list[Trial]:
    """Return the trials of these classes (``MON``), innocent ones that guard them included, or with these ids.

    `UsageError` with a suggestion for a class or an id that nobody knows.
    """
    ids = [trial.id for trial in trials]
    families = {id.partition("-")[0] for id in ids}
    for name in classes:
        if name not in families:
            raise UsageError(f"no defect of class '{name}'", hint=did_you_mean(name, families))
    for name in only:
        if name not in ids:
            raise UsageError(f"no defect or variation '{name}'", hint=did_you_mean(name, ids))
    if not classes and not only:
        return list(trials)
    return [trial for trial in trials if trial.id in only or {trial.id.partition("-")[0], *trial.guards} & set(classes)]


def sampled(trials: Sequence[Trial], text: str) -> list[Trial]:
    """Return every innocent variation, and defects such that each oracle that catches any has one to catch.

    Which ones they are follows from the text (a commit's hash): the same text gives the same ones, another others.
    """
    defects = [trial for trial in trials if trial.kind == "defect"]
    taken: set[str] = set()
    oracles = {oracle for trial in defects for oracle in trial.caught_by} - {STEP}
    for oracle in sorted(oracles, key=lambda oracle: _lot(text, oracle)):
        able = sorted((trial for trial in defects if oracle in trial.caught_by), key=lambda trial: trial.id)
        if not any(trial.id in taken for trial in able):
            taken.add(able[_lot(text, oracle) % len(able)].id)
    return [trial for trial in trials if trial.kind == "innocent" or trial.id in taken]


def _lot(text: str, oracle: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{text}/{oracle}".encode()).digest()[:8])


def _shown_last_time(matrix: Path) -> Mapping[str, Sequence[str]]:
    """Return the cases that showed each defect when the self-test last ran; nothing where it never did."""
    try:
        defects = json.loads(matrix.read_text(encoding="utf-8"))["defects"]
        return {id: each["cases"] for id, each in defects.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _sooner(trial: Trial, cases: Sequence[str]) -> Trial:
    """Let the cases that showed a defect last time go first, a few of them; the rest where those stay green."""
    if not trial.later:
        return trial  # its file says what shows it
    everything = (*trial.pairs, *trial.later)
    first = [pair for pair in everything if f"{pair[0].id}[{pair[1].name}]" in cases][:_AT_FIRST]
    if not first:
        return trial
    return replace(trial, pairs=tuple(first), later=tuple(pair for pair in everything if pair not in first))


def _main(flows: Mapping[str, Flow]) -> list[Pair]:
    if _MAIN_FLOW not in flows:
        raise UsageError(f"the suite has no flow {_MAIN_FLOW}", hint=did_you_mean(_MAIN_FLOW, flows))
    return choose(flows, names=[_MAIN_FLOW])


def _named(flows: Mapping[str, Flow], names: Iterable[str], where: Path) -> list[Pair]:
    full = [name if name in flows or "[" in name else f"{_MAIN_FLOW}[{name}]" for name in names]
    try:
        return choose(flows, names=full) if full else []
    except UsageError as error:
        error.where = error.where or str(where)
        raise


def _defect(path: Path, flows: Mapping[str, Flow]) -> Trial:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise UsageError("a defect file is no Python", where=str(path), seen=str(error)) from None
    meaning = (ast.get_docstring(tree) or path.stem).splitlines()[0].removeprefix(f"{path.stem}: ")
    waits_for = _declared(tree, path, "WAITS_FOR", "'F06: refunds'", lambda value: isinstance(value, str))
    if waits_for:
        return Trial(id=path.stem, kind="waiting", meaning=meaning, pairs=(), waits_for=waits_for)
    named = _named(flows, _declared(tree, path, "SHOWN_BY", "('jpy', 'F01[kwd]')", _are_names) or (), path)
    everything = _main(flows)
    first = named or [pair for pair in everything if not pair[1].alone]
    later = [] if named else [pair for pair in everything if pair[1].alone]
    caught_by = tuple(_declared(tree, path, "CAUGHT_BY", "('O-M1',)", _are_names) or ())
    known = {*ORACLES, *POPULATION_ORACLES, CONTRACTS, STEP}
    for oracle in caught_by:
        if oracle not in known:
            raise UsageError(f"no oracle '{oracle}'", where=f"CAUGHT_BY in {path}", hint=did_you_mean(oracle, known))
    return Trial(
        id=path.stem,
        kind="defect",
        meaning=meaning,
        pairs=tuple(first),
        later=tuple(later),
        caught_by=caught_by,
        settings=_declared(tree, path, "SETTINGS", "{'page_size': 1}", lambda value: isinstance(value, dict)) or {},
    )


def _are_names(value: object) -> bool:
    return isinstance(value, tuple | list) and all(isinstance(each, str) and each for each in value)


def _declared(tree: ast.Module, path: Path, name: str, example: str, fits: Callable[[object], bool]) -> Any:
    """Return what a defect's file says under a name, read as data; None where it says nothing."""
    for node in tree.body:
        if not isinstance(node, ast.Assign) or name not in [getattr(each, "id", "") for each in node.targets]:
            continue
        try:
            value = ast.literal_eval(node.value)
        except ValueError:
            value = None
        if value and fits(value):
            return value
        raise UsageError(
            f"{name} cannot be read",
            where=f"{path}:{node.lineno}",
            expected=example,
            seen=ast.unparse(node.value)[:80],
        )
    return None


def _innocent(path: Path, flows: Mapping[str, Flow]) -> Trial:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError("an innocent variation is no TOML", where=str(path), seen=str(error)) from None
    for key in content:
        if key not in _KEYS:
            raise UsageError(f"unknown key '{key}'", where=str(path), hint=did_you_mean(key, _KEYS))
    pairs = [
        *_named(flows, content.get("cases", ()), path),
        *(_own_case(each, flows, path) for each in content.get("purchase", ())),
    ]
    guards = content.get("guards", ())
    if not _are_names(guards):
        raise UsageError("guards cannot be read", where=str(path), expected='["MON"]', seen=repr(guards)[:80])
    if not pairs:
        raise UsageError("a variation without a case shows nothing", where=str(path), hint='cases = ["eur"]')
    return Trial(
        id=path.stem,
        kind="innocent",
        meaning=content.get("meaning", path.stem),
        pairs=tuple(pairs),
        settings=content.get("shop", {}),
        faults=tuple(content.get("fault", ())),
        start=_instant(content.get("start"), path),
        guards=tuple(guards),
    )


def _own_case(given: Mapping[str, Any], flows: Mapping[str, Flow], path: Path) -> Pair:
    """Return a case like an existing one, with other goods, customer or way."""
    wanted = dict(given)
    [(flow, case)] = _named(flows, [wanted.pop("like", f"{_MAIN_FLOW}[eur]")], path)[:1]
    name, parts = wanted.pop("name", path.stem), tuple(wanted.pop("parts", ()))
    if "lines" in wanted:
        wanted["lines"] = tuple((sku, quantity) for sku, quantity in wanted["lines"])
    if "address_lines" in wanted:
        wanted["address_lines"] = tuple(wanted["address_lines"])
    wanted["extra"] = {**case.purchase.extra, **wanted.get("extra", {})}
    wanted.setdefault("email", f"{path.stem.lower()}-{name}@example.com")
    try:
        purchase = replace(case.purchase, **wanted)
    except TypeError as error:
        raise UsageError("a purchase has a field it cannot have", where=str(path), seen=str(error)) from None
    return flow, replace(case, name=f"{path.stem} {name}", purchase=purchase, parts=parts)


def _instant(given: object, path: Path) -> datetime | None:
    if given is None:
        return None
    try:
        instant = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    except ValueError:
        raise UsageError(
            "start is no instant", where=str(path), expected="2026-10-24T22:00:00Z", seen=str(given)
        ) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
