"""One check of one system: where it runs, what is asked, in which order, and the records that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from assay.contracts.results import Tested
from assay.errors import SafetyError, UsageError, did_you_mean
from assay.events import Listener, Progress
from assay.local.plan import Plan
from assay.runners.conformance.document import Asked, contract_of
from assay.runners.conformance.known import FILE as KNOWN
from assay.runners.conformance.known import Known, read_known
from assay.runners.conformance.place import Place, opened
from assay.runners.conformance.tally import Tally
from assay.runners.conformance.twin import Twin

if TYPE_CHECKING:
    from assay.runners.conformance.worked import Worked

_DEFAULT_PER_SECOND = 5.0
"""Of a sandbox: below the least any vendor we know allows (UPS and PayPal publish no figure; Adyen's is far above)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to ask. operations: names as in the contract, all where empty. base_url: another place than the profile's.

    per_second: the rate budget of a system that is not ours. today: by which known failures end.
    """

    examples: int = 20
    seed: int = 1
    operations: tuple[str, ...] = ()
    base_url: str | None = None
    per_second: float = _DEFAULT_PER_SECOND
    stateful: bool = True
    today: date = field(default_factory=lambda: datetime.now(UTC).date())


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of one system.

    seed, drawn: what requests were made up by, and a digest of all of them: equal where the same was asked. healed:
    known failures that nothing failed by any more. first_end: the day the first of those known runs out.
    """

    system: str
    base_url: str
    simulated: bool
    tested: tuple[Tested, ...]
    seed: int
    drawn: str
    healed: tuple[Known, ...] = ()
    first_end: date | None = None


def testable(plan: Plan) -> list[str]:
    """Return the systems of an environment that have a contract to be asked by, in the profile's order."""
    found = []
    for system in plan.environment.systems:
        try:
            contract_of(plan, system)
        except UsageError:
            continue
        found.append(system)
    return found


def check(plan: Plan, system: str, options: Options, listen: Listener) -> Checked:
    """Send generated requests to one system and judge its answers.

    `SafetyError` for production, whatever the base URL; `UsageError` without contract, simulator or schemathesis;
    `InfrastructureError` when the system cannot be reached.
    """
    if plan.environment.production:
        raise SafetyError(
            f"environment '{plan.name}' is production: generated requests are never sent there",
            where=f"environments.{plan.name}",
            hint="name an environment with simulators or sandboxes: --env local",
        )
    if system not in plan.environment.systems:
        raise UsageError(
            f"no system '{system}' in environment '{plan.name}'",
            hint=did_you_mean(system, plan.environment.systems),
        )
    whole = contract_of(plan, system)
    asked = _chosen(whole, options.operations)
    known = read_known(whole.folder / KNOWN, today=options.today)
    from assay.runners.conformance.worked import read_worked  # what is missing or wrong is said before anything starts

    worked, tally = read_worked(whole), Tally(asked)
    with opened(plan, system, options.base_url) as place:
        drawn = _ask(whole, asked, worked, place, options, tally)
        tested = tally.tested(place.base_url, known)
        names = {each.operation for each in tested}
        healed = [] if options.operations else known.no_longer_failing()
        listen(Progress(part=system, state="checked", detail=f"{tally.cases} requests, {len(names)} operations"))
        return Checked(
            system=system,
            base_url=place.base_url,
            simulated=place.simulated,
            tested=tested,
            seed=options.seed,
            drawn=drawn,
            healed=tuple(healed),
            first_end=known.first_end,
        )


def _ask(whole: Asked, asked: Asked, worked: Worked, place: Place, options: Options, tally: Tally) -> str:
    from assay.runners.conformance.engine import Asker, Preset
    from assay.runners.conformance.provoked import provoke
    from assay.runners.conformance.spoiling import Spoiler
    from assay.runners.conformance.worked import perform, with_examples

    twin = Twin(whole.file)
    preset = Preset(
        examples=options.examples,
        seed=options.seed,
        per_second=None if place.simulated else options.per_second,
        stateful=options.stateful,
    )
    # Worked requests build on each other, so all are sent even where few operations are asked for.
    first = Asker(whole, place.base_url, place.headers_for, preset, tally, twin)
    names = frozenset(name for name, _ in asked.operations())
    spoiler = Spoiler(first, twin, tally, operations=names, seed=options.seed, most=options.examples)
    performed = perform(whole, worked, first, tally, ours=place.ours, spoiler=spoiler)
    generated = asked if place.simulated else _undestructive(asked)
    examples = with_examples(generated, performed.keys)
    second = Asker(examples, place.base_url, place.headers_for, preset, tally, twin, after=first)
    second.generate()
    second.learn(first)
    provoke(asked, second, tally, worked.refused, faults=place.simulated)
    return second.drawn


def _undestructive(asked: Asked) -> Asked:
    """Leave out DELETE at a system not ours: a generated key may be somebody's; worked requests delete their own."""
    return asked.only(frozenset(name for name, _ in asked.operations() if not name.startswith("DELETE ")))


def _chosen(asked: Asked, wanted: Sequence[str]) -> Asked:
    if not wanted:
        return asked
    names = [name for name, _ in asked.operations()]
    chosen = set()
    for each in wanted:
        found = [name for name in names if each in (name, name.partition(" ")[2])]
        if not found:
            raise UsageError(
                f"the contract of '{asked.system}' has no operation '{each}'",
                where=str(asked.file),
                hint=did_you_mean(each, names),
            )
        chosen.update(found)
    return asked.only(frozenset(chosen))
