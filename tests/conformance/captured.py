"""Judges every answer that any simulator gave during a test run by its vendor's published document.

Simulators write their answers whole into the folder named by ASSAY_CAPTURE; tests/conftest.py sets it for a run and
prints the count at its end. Answers to deliberate faults are left out: a fault is no word of the vendor.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.conformance.edmx_judge import EdmxJudge
from tests.conformance.openapi_judge import SPECS, OpenApiJudge, Verdict

UPS_DOCUMENTS = ("OAuthClientCredentials", "Rating", "Shipping", "Tracking", "UPSTrackAlert", "AddressValidation")


@dataclass(slots=True)
class Summary:
    """Counts of one run. `outside` counts answers of which the document says nothing (an unknown path, a status)."""

    answers: Counter[str] = field(default_factory=Counter)
    outside: Counter[str] = field(default_factory=Counter)
    operations: dict[str, set[str]] = field(default_factory=dict)
    violations: Counter[str] = field(default_factory=Counter)

    def lines(self) -> Iterator[str]:
        """The table: a line a vendor, the violations, and the sum."""
        for vendor in sorted(self.answers):
            yield (
                f"{vendor:<14}{self.answers[vendor]:>7} answers {len(self.operations[vendor]):>4} operations "
                f"{self.outside[vendor]:>6} outside the document"
            )
        for problem, times in self.violations.most_common(20):
            yield f"VIOLATION {times} x {problem}"
        operations = sum(len(names) for names in self.operations.values())
        yield (
            f"simulator answers: {self.answers.total()}, operations: {operations}, "
            f"violations: {self.violations.total()}"
        )


class _Sap:
    """One EDMX document a service; the service is named in the path."""

    def __init__(self) -> None:
        self._judges = {
            path.stem.removesuffix("_0002"): EdmxJudge(path) for path in (SPECS / "sap_s4hana").glob("*.edmx")
        }

    def judge(self, method: str, path: str, status: int, body: str) -> Verdict:
        parts = path.split("/")
        service = next((part.split(";")[0] for part in parts if part.split(";")[0] in self._judges), None)
        if service is None:
            return Verdict(None, documented=False)
        resource = parts[-1].split("(")[0] or "service document"
        operation = f"{method} {service}/{resource}"
        if not body.startswith("{"):
            return Verdict(operation)  # $metadata, $count, $batch and 204: judged by the simulator's own tests
        problems = self._judges[service].see(json.loads(body))
        return Verdict(operation, problems[0] if problems else "")


class _Ecb:
    """The published file's element names and attributes."""

    def __init__(self) -> None:
        self._known = _names((SPECS / "ecb" / "eurofxref-daily.xml").read_bytes())

    def judge(self, method: str, path: str, status: int, body: str) -> Verdict:
        if status != 200 or not path.endswith(".xml"):
            return Verdict(None, documented=False)
        if method == "HEAD" or not body:
            return Verdict(f"GET {path}")
        strange = _names(body.encode()) - self._known
        return Verdict(f"GET {path}", f"not in the published file: {sorted(strange)}" if strange else "")


def _names(content: bytes) -> set[tuple[str, ...]]:
    return {(element.tag, *sorted(element.attrib)) for element in ElementTree.fromstring(content).iter()}


class _Paypal:
    """PayPal's four documents; none words a 429, and that of Orders leaves out an issue its error reference names."""

    _GAP = "DECIMALS_NOT_SUPPORTED"
    _DOCUMENTS = ("checkout_orders_v2", "payments_payment_v2", "notifications_webhooks_v1", "reporting_transactions_v1")

    def __init__(self) -> None:
        self._judge = OpenApiJudge(*(SPECS / "paypal" / f"{name}.json" for name in self._DOCUMENTS))

    def judge(self, method: str, path: str, status: int, body: str) -> Verdict:
        verdict = self._judge.judge(method, path, status, body)
        if status == 429 or (verdict.problem and path == "/v2/checkout/orders" and self._GAP in body):
            return Verdict(verdict.operation, documented=False)
        return verdict


def judges() -> dict[str, Any]:
    """Return a judge for each vendor whose document is here."""
    return {
        "stripe": lambda: OpenApiJudge(SPECS / "stripe" / "spec3.yaml"),
        "ups": lambda: OpenApiJudge(*(SPECS / "ups" / f"{name}.yaml" for name in UPS_DOCUMENTS)),
        "sap_s4hana": _Sap,
        "adyen": lambda: OpenApiJudge(SPECS / "adyen" / "CheckoutService-v72.json"),
        "paypal": _Paypal,
        "frankfurter": lambda: OpenApiJudge(*(SPECS / "frankfurter" / f"{v}-openapi.json" for v in ("v1", "v2"))),
        "ecb": _Ecb,
    }


def judge_folder(folder: Path) -> Summary:
    """Judge every captured answer of every vendor we hold a document of, on both cores."""
    found = [vendor for vendor in judges() if any(folder.glob(f"{vendor}-*.jsonl"))]
    summary = Summary()
    if not found:
        return summary
    # Not forked: the process that calls this has threads, whose locks a copy would never see released.
    with ProcessPoolExecutor(min(2, len(found)), mp_context=get_context("spawn")) as pool:
        for part in pool.map(partial(judge_vendor, folder), found):
            summary.answers += part.answers
            summary.outside.update(part.outside)
            summary.violations += part.violations
            summary.operations |= part.operations
    return summary


def judge_vendor(folder: Path, vendor: str) -> Summary:
    """Judge every captured answer of one vendor."""
    judge = judges()[vendor]()
    summary = Summary(operations={vendor: set()})
    for answer in _answers(sorted(folder.glob(f"{vendor}-*.jsonl"))):
        verdict = judge.judge(answer["method"], answer["path"], answer["status"], _body(answer))
        summary.answers[vendor] += 1
        summary.outside[vendor] += not verdict.documented
        if verdict.operation:
            summary.operations[vendor].add(verdict.operation)
        if verdict.problem:
            summary.violations[f"{vendor} {verdict.operation} {answer['status']}: {verdict.problem}"] += 1
    return summary


def _body(answer: dict[str, Any]) -> str:
    """Return the body to judge; a stream of objects, one a line, is judged as the list it stands for."""
    body: str = answer["response"]
    if answer.get("media_type") == "application/x-ndjson":
        return f"[{','.join(body.splitlines())}]"
    return body


def _answers(files: list[Path]) -> Iterator[dict[str, Any]]:
    for file in files:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):  # a killed simulator may leave half a line
                    answer = json.loads(line)
                    if "fault" not in answer and answer["method"] != "HEAD":
                        yield answer
