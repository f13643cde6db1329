"""One check of one system: where it runs, what is asked, in which order, and the records that come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from assay.contracts.results import Tested
from assay.errors import SafetyError, UsageError, did_you_mean
from assay.events import Listener, Progress
from assay.http import open_client
from assay.landscape import look_for_connector, open_landscape
from assay.local.clock import LandscapeClock
from assay.local.plan import MERCHANT, SIMULATORS, Plan
from assay.local.processes import admin
from assay.local.up import settlers
from assay.roles import Authenticates
from assay.runners.conformance.document import Asked, contract_of
from assay.runners.conformance.known import FILE as KNOWN
from assay.runners.conformance.known import Known, read_known
from assay.runners.conformance.tally import Tally
from assay.runners.environment import own_landscape

_DEFAULT_PER_SECOND = 5.0
"""Of a sandbox: below the least any vendor we know allows (UPS and PayPal publish no figure; Adyen's is far above)."""
_START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


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
    """What came of one system. healed: known failures that nothing failed by any more."""

    system: str
    base_url: str
    simulated: bool
    tested: tuple[Tested, ...]
    healed: tuple[Known, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a system is asked. wait, configure: None where its time and settings are not ours."""

    base_url: str
    headers_for: Callable[[str, str], Mapping[str, str]]
    wait: Callable[[float], None] | None = None
    configure: Callable[[Mapping[str, Any]], None] | None = None

    @property
    def simulated(self) -> bool:
        """Whether it was started for this check."""
        return self.configure is not None


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
    tally = Tally(asked)
    with _place(plan, system, options, listen) as place:
        _ask(whole, asked, place, options, tally)
        tested = tally.tested(place.base_url, known)
        names = {each.operation for each in tested}
        healed = [] if options.operations else known.no_longer_failing()
        listen(Progress(part=system, state="checked", detail=f"{tally.cases} requests, {len(names)} operations"))
        return Checked(
            system=system,
            base_url=place.base_url,
            simulated=place.simulated,
            tested=tested,
            healed=tuple(healed),
        )


def _ask(whole: Asked, asked: Asked, place: _Place, options: Options, tally: Tally) -> None:
    from assay.runners.conformance.engine import Asker, Preset
    from assay.runners.conformance.provoked import provoke
    from assay.runners.conformance.worked import perform, read_worked, with_examples

    preset = Preset(
        examples=options.examples,
        seed=options.seed,
        per_second=None if place.simulated else options.per_second,
        stateful=options.stateful,
    )
    worked = read_worked(whole)
    # Worked requests build on each other, so all are sent even where few operations are asked for.
    first = Asker(whole, place.base_url, place.headers_for, preset, tally)
    performed = perform(worked, first, tally, wait=place.wait, configure=place.configure)
    generated = asked if place.simulated else _undestructive(asked)
    second = Asker(with_examples(generated, performed.kept), place.base_url, place.headers_for, preset, tally)
    second.generate()
    second.learn(first)
    provoke(asked, second, tally, worked.refused, faults=place.simulated)


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


@contextmanager
def _place(plan: Plan, system: str, options: Options, listen: Listener) -> Iterator[_Place]:
    """Say where a system is asked; a simulated one is started alone and removed afterwards."""
    one = plan.environment.systems[system]
    if options.base_url is not None or one.mode in ("sandbox", "live"):
        _refuse_production(plan, system, options)
        base_url = options.base_url or one.base_url
        if base_url is None:
            raise UsageError(f"nobody knows where '{system}' is", hint="add base_url to the profile, or --base-url URL")
        yield _Place(base_url=base_url.rstrip("/"), headers_for=_authentication(plan, system, base_url))
        return
    if one.mode != "simulated":
        raise UsageError(
            f"'{system}' is in mode {one.mode} in environment '{plan.name}': stubs answer what they were written for",
            hint="name an environment where it is simulated or a sandbox, or --base-url URL",
        )
    with own_landscape(_alone(plan, system), lambda progress: None) as (own, running):
        role = MERCHANT if own.shop == system else SIMULATORS
        port = running.port(role, system) or running.port(role, MERCHANT)
        clock = LandscapeClock(own.home.clock)

        def wait(seconds: float) -> None:
            clock.advance(timedelta(seconds=seconds), settlers(running))

        yield _Place(
            base_url=f"http://127.0.0.1:{port}",
            headers_for=_authentication(own, system, f"http://127.0.0.1:{port}"),
            wait=wait,
            configure=lambda settings: _configure(port, settings),
        )


def _alone(plan: Plan, system: str) -> Plan:
    """Return the plan of a landscape of this system alone; the shop needs its vendors, which it calls directly."""
    systems = plan.environment.systems
    chosen = (
        {name: each for name, each in systems.items() if each.mode == "simulated"}
        if systems[system].role == "shop"
        else {system: systems[system]}
    )
    # Ports of the profile belong to the landscape that may be up.
    moved = {name: each.model_copy(update={"port": 0}) for name, each in chosen.items()}
    return replace(plan, environment=plan.environment.model_copy(update={"view": "witness", "systems": moved}))


def _configure(port: int | None, settings: Mapping[str, Any]) -> None:
    assert port is not None
    admin(port, "POST", "settings", dict(settings))


def _authentication(plan: Plan, system: str, base_url: str) -> Callable[[str, str], Mapping[str, str]]:
    environment = plan.environment.model_copy(update={"systems": {system: plan.environment.systems[system]}})
    way = plan.way_to(base_url)
    landscape = open_landscape(
        plan.name,
        environment,
        {system: base_url},
        lambda name, url: open_client(url, system=name, proxy=way.proxy, ca_file=way.ca_file),
    )
    connector = landscape.connectors.get(system)
    if isinstance(connector, Authenticates):
        return connector.headers_for
    return lambda method, path: {}


def _refuse_production(plan: Plan, system: str, options: Options) -> None:
    """Refuse a live system, and an address given by hand that is the vendor's live host or any production's."""
    one = plan.environment.systems[system]
    if options.base_url is None:
        if one.mode == "live":
            raise SafetyError(
                f"'{system}' is live in environment '{plan.name}': generated requests are never sent there",
                where=f"environments.{plan.name}.systems.{system}",
                hint="check its simulator (--env local) or a sandbox",
            )
        return
    host = urlsplit(options.base_url).hostname
    if host is None:
        raise UsageError("that is no base URL", expected="http(s)://host…", seen=options.base_url)
    module = look_for_connector(system)
    live = {urlsplit(module.HEAD.live).hostname} if module is not None and one.role != "shop" else set()
    for environment in plan.profile.environments.values():
        if environment.production:
            live |= {urlsplit(each.base_url).hostname for each in environment.systems.values() if each.base_url}
    if host in live and not (one.mode == "sandbox" and one.base_url and urlsplit(one.base_url).hostname == host):
        raise SafetyError(
            f"{host} is production: generated requests are never sent there",
            where="--base-url",
            hint="name a sandbox; one that shares its host with production is declared in the profile",
        )
