"""Every innocent variation takes place and leaves every oracle silent."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from assay.errors import UsageError
from assay.events import Outcome
from assay.runners.run import Pair, run_cases
from assay.runners.session import Session, verdict_text
from assay.runners.verdict import Trouble
from scenarios.innocent import FLOWS, INNOCENT
from scenarios.performing import silent_together

PAIRS = {f"{flow.id}[{case.name}]": (flow, case) for flow in FLOWS for case in flow.cases}
TRIALS = Path(__file__).parent / "innocent"
# The first two move the clock by months, which must not age what others have in their hands, nor each other: carriers
# forget; the last leaves an order open, which the shop looks at every few minutes of all the days that pass meanwhile.
_BY_THEMSELVES = {"inn-07": 0, "inn-41": 1, "inn-26": 3}
_OTHERS = 2


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, assay_session: Session) -> dict[str, Outcome]:
    """Perform and judge all cases that were asked for, side by side, and return what came of each."""
    chosen = [
        item.callspec.params.get("name")
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
    ]
    wanted = [name for name in PAIRS if name in chosen]
    found: dict[str, Outcome] = {}

    def heard(outcome: Outcome) -> None:
        found[f"{outcome.flow}[{outcome.case}]"] = outcome

    def trouble(what: Trouble) -> None:
        pytest.fail(what.text)

    for turn in sorted({*_BY_THEMSELVES.values(), _OTHERS}):
        pairs: list[Pair] = [PAIRS[name] for name in wanted if _turn(name) == turn]
        # Those that act alone come first, so that their orders go on while time passes for the others.
        pairs.sort(key=lambda pair: not pair[1].alone)
        run_cases(assay_session, pairs, heard=heard, trouble=trouble, workers=len(pairs))
    return found


@pytest.mark.full  # .ci/run has each performed in a landscape of its own: assay selftest --sample
@pytest.mark.needs_java
@pytest.mark.parametrize("name", PAIRS)
def test_innocent(outcomes: dict[str, Outcome], name: str) -> None:
    """The variation is visible in the systems, and no oracle says that anything is wrong."""
    outcome = outcomes[name]
    assert not outcome.failed, verdict_text([outcome])
    assert outcome.evaluated


@pytest.mark.full
@pytest.mark.needs_java
def test_all_orders_together(outcomes: dict[str, Outcome]) -> None:
    """What only shows over all orders at once (census, oversold goods) stays silent, too."""
    silent_together(outcomes, PAIRS)


@pytest.mark.needs_java
def test_settings_come_back(assay_session: Session) -> None:
    """Two cases that change one setting at a time each find it in force, and the shop has its own again afterwards."""
    operator, shop = assay_session.operator, assay_session.landscape.by_role("shop")
    assert operator is not None

    def kept() -> int:
        return int(shop.stock_count("J-012", assay_session.now()).safety)

    seen = [kept()]
    first = operator.configure("merchant", {"safety_stock_by_sku": {"J-012": 1}})
    second = operator.configure("merchant", {"safety_stock_by_sku": {"J-012": 2}})
    seen.append(kept())
    operator.restore(first)
    seen.append(kept())
    operator.restore(second)
    seen.append(kept())
    assert seen == [0, 2, 2, 0]
    with pytest.raises(UsageError, match="did you mean 'safety_stock'"):
        operator.configure("merchant", {"safty_stock": 1})


def test_every_variation_is_a_trial_of_the_self_test() -> None:
    """Each variation is tried by `assay selftest` under its own id, with its flow and its meaning."""
    trials = {path.stem.lower(): tomllib.loads(path.read_text()) for path in sorted(TRIALS.glob("*.toml"))}
    told = {each.id: (each.title, [each.id], each.start) for each in INNOCENT}
    assert {id: (trial["meaning"], trial["cases"], trial.get("start")) for id, trial in trials.items()} == told
    assert [each.id for each in INNOCENT] == [flow.id for flow in FLOWS]


def _turn(name: str) -> int:
    return _BY_THEMSELVES.get(name.partition("[")[0], _OTHERS)
