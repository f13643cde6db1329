"""Judging one order by every money oracle (O-M…, O-P4), on a whole dossier as a run gathers it.

Limit: 1 ms of CPU for all of them together, the median of several readings, for each of three dossiers: in EUR, in JPY
with a rate, in KWD priced by hand; each has a refund, and the rates of 30 publications beside everything else. Those
that judge many orders together are given this one, and O-M8 a balance of seven movements, booked, paid out and stated
by the bank. Beside it, without a limit, what parsing the same dossier from JSON costs on this machine, and the ratio.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assay.events import Finding, Result
from assay.oracles import ORACLES, POPULATION_ORACLES
from assay.records import Dossier
from tests.engine.oracles.settled_window import DECLARED as OF_LEDGER
from tests.engine.oracles.settled_window import HEALTHY as BOOKED
from tests.engine.oracles.test_refund import at_gateway, refund
from tests.engine.oracles.world import BASKETS, JUDGING, healthy, money, rate, with_order, with_payment

LIMIT_MS, READINGS, ROUNDS = 1.0, 9, 50
CURRENCIES = ("EUR", "JPY", "KWD")
PUBLICATIONS = 30
DECLARED = replace(JUDGING, ledger_limit=OF_LEDGER.ledger_limit, ledger_classes=OF_LEDGER.ledger_classes)


def judged_for_money(name: str) -> bool:
    """Say whether an oracle is about money."""
    return name.startswith("O-M") or name == "O-P4"


def whole(currency: str) -> Dossier:
    """Return a healthy order of which one piece was given back, with the rates of so many publications."""
    unit = BASKETS[currency].mug[0]
    returned = [refund(unit, currency, lines=(("1", 1),))], [at_gateway(money(unit, currency).minor, currency)]
    found = with_payment(healthy(currency), refunded=returned[1][0].amount.minor, refunds=tuple(returned[1]))
    found = with_order(found, refunds=tuple(returned[0]), payment_status="partially_refunded")
    last = date(2026, 2, 27)
    history = tuple(
        rate(code, f"{146 - place}.{days:02}", last - timedelta(days=days))
        for days in range(1, PUBLICATIONS)
        for place, code in enumerate(("JPY", "USD", "GBP", "CHF"))
    )
    return replace(found, rates=(*found.rates, *history))


def judge(dossier: Dossier) -> list[Finding]:
    """Return what every money oracle says of the order."""
    population = replace(BOOKED, dossiers=(dossier,))
    of_one = [ORACLES[name](dossier, DECLARED) for name in ORACLES if judged_for_money(name)]
    return of_one + [
        POPULATION_ORACLES[name](population, DECLARED) for name in POPULATION_ORACLES if judged_for_money(name)
    ]


def cpu_ms(work: Callable[[], object]) -> float:
    """Return the median CPU milliseconds of the work over several readings."""
    readings = []
    for _ in range(READINGS):
        began = time.process_time()
        for _ in range(ROUNDS):
            work()
        readings.append((time.process_time() - began) * 1000 / ROUNDS)
    return statistics.median(readings)


def main() -> int:
    """Print each figure against its limit; 1 when one is over."""
    worst = 0.0
    for currency in CURRENCIES:
        dossier = whole(currency)
        findings = judge(dossier)
        failed = [finding for finding in findings if finding.result is Result.FAIL]
        if failed:
            raise SystemExit(f"a healthy order was found fault with: {failed}")
        evaluated = sorted(each.oracle for each in findings if each.result is Result.PASS)
        text = json.dumps(dataclasses.asdict(dossier), default=str)
        judging, parsing = cpu_ms(lambda each=dossier: judge(each)), cpu_ms(lambda each=text: json.loads(each))  # type: ignore[misc]
        worst = max(worst, judging)
        print(
            f"{currency}: {judging:.3f} ms of CPU, {len(findings)} money oracles, {len(evaluated)} with a verdict"
            f" ({', '.join(evaluated)}); json.loads of its {len(text) // 1024} KiB {parsing:.3f} ms,"
            f" ratio {judging / parsing:.1f}"
        )
    word = "ok" if worst <= LIMIT_MS else "OVER"
    print(f"one dossier, all money oracles   {worst:.3f} ms   limit {LIMIT_MS} ms   {word}")
    return worst > LIMIT_MS


if __name__ == "__main__":
    sys.exit(main())
