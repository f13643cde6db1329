"""The mutation trial: valid answers of each simulated vendor, broken only where the vendor's document forbids it.

`python -m tests.conformance.mutation_trial [--answers 300]` prints, by vendor, how many of each kind were found, how
many valid answers were rejected, and which share of the places the document leaves open.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

import orjson

from assay.contracts.drawing import Drawing
from assay.contracts.json_shape import JsonShape
from assay.contracts.model import Deviation, Document, Operation, Problem
from assay.contracts.reading import read_document, sniff
from tests.conformance.forbidden import KINDS, Forbidden, Mutation
from tests.conformance.openapi_judge import SPECS, OpenApiJudge

VENDORS: Mapping[str, tuple[str, ...]] = {
    "stripe": ("stripe/spec3.yaml",),
    "adyen": ("adyen/CheckoutService-v72.json", "adyen/PaymentService-v68.json", "adyen/DisputeService-v30.json"),
    "paypal": ("paypal/checkout_orders_v2.json", "paypal/payments_payment_v2.json"),
    "ups": ("ups/Shipping.yaml", "ups/Rating.yaml", "ups/Tracking.yaml", "ups/OAuthClientCredentials.yaml"),
    "frankfurter": ("frankfurter/v1-openapi.json", "frankfurter/v2-openapi.json"),
    "sap_s4hana": ("sap_s4hana/API_SALES_ORDER_SRV.edmx", "sap_s4hana/API_MATERIAL_STOCK_SRV.edmx"),
}
_MOST_FAILURES = 40
_PROBLEMS = {
    "new field": {Problem.FIELD},
    "required gone": {Problem.MISSING},
    "wrong type": {Problem.TYPE},
    "outside the set": {Problem.ENUM},
    "null": {Problem.NULL},
}


@dataclass
class Trial:
    """What came of one vendor's answers."""

    vendor: str
    answers: int = 0
    rejected: list[str] = field(default_factory=list)
    tried: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    misnamed: list[str] = field(default_factory=list)
    decided: Counter[str] = field(default_factory=Counter)
    left_open: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        """Return the vendor's line of the table."""
        kinds = "".join(f"{self.tried[kind]:>16}" for kind in KINDS)
        places = self.decided.total() + self.left_open.total()
        share = self.left_open.total() / places if places else 0.0
        return (
            f"{self.vendor:<13}{self.answers:>8}{len(self.rejected):>10}{kinds}{len(self.missed):>8}"
            f"{len(self.misnamed):>10}{share:>8.0%}"
        )


HEAD = "".join(
    (f"{'vendor':<13}{'answers':>8}{'rejected':>10}", *(f"{kind:>16}" for kind in KINDS), "  missed  misnamed    open")
)


def absent(vendor: str) -> list[Path]:
    """Return which of a vendor's documents are not here."""
    return [SPECS / each for each in VENDORS[vendor] if not (SPECS / each).exists()]


def trial(vendor: str, answers: int, *, judged: bool = False, seed: int = 20261123) -> Trial:
    """Draw so many valid answers of a vendor, break each in every way its document forbids, and hold all against it.

    judged: an answer is valid when the conformance tests' own judge says so, who shares no line with the engine.
    """
    random, came = Random(seed), Trial(vendor)
    sources = [_source(SPECS / each) for each in VENDORS[vendor]]
    whole = [each for source in sources for each in _answers(source)]
    random.shuffle(whole)
    failures = 0
    judge = OpenApiJudge(*(SPECS / each for each in VENDORS[vendor])) if judged else None
    for source, operation, status, shape in cycle(whole):
        where = f"{operation.name} {status}"
        if came.answers == answers or failures > answers * _MOST_FAILURES:
            break
        valid = shape.is_valid if judge is None else partial(_is_valid, judge, operation, status)
        body = _drawn(shape, random, valid)
        if body is None:
            failures += 1
            continue
        came.answers += 1
        found = shape.deviations(orjson.dumps(body))
        if found:
            came.rejected.append(f"{where}: {found[0]}")
        for each in source.forbidden.mutations(source.schema(shape), body, random):
            came.tried[each.kind] += 1
            _judge(came, where, each, shape.deviations(orjson.dumps(each.body)))
    for source in sources:
        came.decided += source.forbidden.decided
        came.left_open += source.forbidden.left_open
    return came


def _judge(came: Trial, where: str, mutation: Mutation, found: Any) -> None:
    words = f"{where}: {mutation.kind} at {mutation.path}"
    deviations: list[Deviation] = list(found)
    if not deviations:
        came.missed.append(words)
    elif not any(each.path == mutation.path and each.problem in _PROBLEMS[mutation.kind] for each in deviations):
        came.misnamed.append(f"{words}: {deviations[0]}")


@dataclass
class _Source:
    """One document: as it was read, and as it stands where it is JSON or YAML."""

    document: Document
    raw: Mapping[str, Any] | None
    forbidden: Forbidden

    def schema(self, shape: JsonShape) -> Any:
        """Return the schema of an answer to be walked through: as it stands, or as it was made of another format."""
        if self.raw is not None:
            return shape.raw
        self.forbidden.document = shape.schema
        return shape.schema


def _source(path: Path) -> _Source:
    _, held, _ = sniff(path.read_bytes(), source=str(path))
    raw = held if isinstance(held, dict) else None
    return _Source(read_document(path), raw, Forbidden(raw or {}))


def _answers(source: _Source) -> Iterator[tuple[_Source, Operation, str, JsonShape]]:
    for operation in source.document.operations:
        for status, answer in operation.responses.items():
            shape = answer.shapes.get("application/json")
            if isinstance(shape, JsonShape) and status.startswith("2"):
                yield source, operation, status, shape


def _drawn(shape: JsonShape, random: Random, valid: Callable[[Any], bool]) -> Any:
    """Draw an answer that the document, without its twin, calls valid; None where drawing does not come to one."""
    drawing = Drawing(shape.schema, random)
    bodies = (drawing.value(least=number > 5) for number in range(8))
    return next((each for each in bodies if valid(each)), None)


def _is_valid(judge: OpenApiJudge, operation: Operation, status: str, body: Any) -> bool:
    code = int(status) if status.isdecimal() else 200
    verdict = judge.judge(
        operation.method, re.sub(r"\{[^{}]*\}", "x", operation.path), code, orjson.dumps(body).decode()
    )
    return verdict.operation == operation.name and not verdict.problem


def say(line: str) -> None:
    """Print a line of the table."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Print the table; 1 when anything forbidden was missed or anything valid rejected."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=300)
    parser.add_argument("--vendor", action="append", choices=list(VENDORS))
    parser.add_argument("--judged", action="store_true", help="let the conformance tests' judge say what is valid")
    options = parser.parse_args()
    say(HEAD)
    good = True
    for vendor in options.vendor or VENDORS:
        if absent(vendor):
            say(f"{vendor:<13} its documents are not here: {', '.join(map(str, absent(vendor)))}")
            continue
        came = trial(vendor, options.answers, judged=options.judged)
        say(came.line())
        for words in (*came.rejected[:5], *came.missed[:5], *came.misnamed[:5]):
            say(f"    {words}")
        good = good and not came.rejected and not came.missed
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
