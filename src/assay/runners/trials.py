"""What the self-test tries: the healthy shop, legal variations of it, and every defect, read from suites as data.

A defect is ``mocks/merchant/defects/<ID>.py``; nothing of it is imported here. Its optional ``SHOWN_BY`` names the
cases that can show it (``("jpy", "F01[kwd]")``; a bare name is a case of F01).

An innocent variation is ``scenarios/innocent/<ID>.toml``:

    meaning = "CHF cash rounding to 0.05 with a rounding line"
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
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay.errors import UsageError, did_you_mean
from assay.flow import Flow
from assay.local.plan import Plan
from assay.runners.campaign import flows_of
from assay.runners.run import Pair
from assay.runners.run_log import OUT
from assay.suite_flows import choose
from assay.suites import suite_roots

_DEFECTS = Path("mocks") / "merchant" / "defects"
_INNOCENT = Path("scenarios") / "innocent"
_MAIN_FLOW = "F01"
_KEYS = ("meaning", "cases", "start", "shop", "fault", "purchase")
HEALTHY = "healthy"
MATRIX = "selftest.json"
_AT_FIRST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One landscape of the self-test.

    kind: healthy, innocent or defect. pairs: the cases to run; `later` only where those showed nothing. start: where
    the landscape's clock begins, or None for now.
    """

    id: str
    kind: str
    meaning: str
    pairs: tuple[Pair, ...]
    later: tuple[Pair, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[Mapping[str, Any], ...] = ()
    start: datetime | None = None


def trials_of(plan: Plan, *, classes: Sequence[str] = (), only: Sequence[str] = ()) -> list[Trial]:
    """Return the trials of a project, those that must stay silent first; `UsageError` for a name nobody knows."""
    roots = suite_roots(plan.profile.folder)
    flows = flows_of(plan)
    known = _shown_last_time(plan.profile.folder / OUT / MATRIX)
    defects = [_sooner(trial, known.get(trial.id, ())) for trial in read_defects(roots, plan.defect_folders, flows)]
    return chosen([healthy(flows), *read_innocent(roots, flows), *defects], classes=classes, only=only)


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
    """Return the trials of these classes (``MON``) or with these ids; `UsageError` with a suggestion for others."""
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
    return [trial for trial in trials if trial.id in only or trial.id.partition("-")[0] in classes]


def _shown_last_time(matrix: Path) -> Mapping[str, Sequence[str]]:
    """Return the cases that showed each defect when the self-test last ran; nothing where it never did."""
    try:
        defects = json.loads(matrix.read_text(encoding="utf-8"))["defects"]
        return {id: each["cases"] for id, each in defects.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _sooner(trial: Trial, cases: Sequence[str]) -> Trial:
    """Let the cases that showed a defect last time go first, a few of them; the rest where those stay green."""
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
    named = _named(flows, _shown_by(tree, path), path)
    everything = _main(flows)
    first = named or [pair for pair in everything if not pair[1].alone]
    later = [] if named else [pair for pair in everything if pair[1].alone]
    return Trial(id=path.stem, kind="defect", meaning=meaning, pairs=tuple(first), later=tuple(later))


def _shown_by(tree: ast.Module, path: Path) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(each, ast.Name) and each.id == "SHOWN_BY" for each in node.targets
        ):
            try:
                names = ast.literal_eval(node.value)
            except ValueError:
                names = None
            if isinstance(names, tuple | list) and all(isinstance(name, str) for name in names):
                return list(names)
            raise UsageError(
                "SHOWN_BY names no cases", where=f"{path}:{node.lineno}", expected='("jpy", "F01[kwd]")',
                seen=ast.unparse(node.value)[:80],
            )  # fmt: skip
    return []


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
