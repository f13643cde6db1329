"""Which oracles are evaluated, and for each other the line or verb that switches it on, best first.

Best is what catches most defect classes of the catalogue (`oracles.toml`, from the domain's greedy cover).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

from assay.events import Finding, Result
from assay.oracles import ORACLES, POPULATION_ORACLES

# The reason an oracle gives, and what ends it; the first that fits. {0} … are groups of the pattern.
_MENDS = (
    (r"(\w+): environment '(.+)' has no system of this role", 'a system of that role: ID = "simulated" under '
     "[environments.{1}.systems], with role = {0} (rates: ecb)"),
    (r"no verb 'messages'", "the verb messages(ref) in the shop's connector"),
    (r"no verb 'article'", "the verb article(sku, currency) in the shop's connector"),
    (r"no edge stands", 'view = "forward_proxy" (or "base_url") in the environment, and the shop behind the edge'),
    (r"(policies\.[\w.]+) in the profile", "{0} in assay.toml"),
    (r"(systems\.ID\.logs)|neither the shop's answers nor its logs|nothing was searched",
     "the verb order_text(ref) in the shop's connector, and systems.ID.logs in assay.toml"),
    (r"connector has no (?:verb|ability) '(\w+)'", "{0} (assay.roles) in that connector"),
    (r"the flow must call (run\.(?:read|offered)\(.*\))$", "{0} in the flow"),
    (r"was given back$", "a case that gives money back"),
    (r"has no coupon|order has a coupon", "a case with a coupon, or one sent at the shop's own prices"),
    (r"counted", "the verb stock_count(sku, at) in the shop's connector"),
    (r"shows no address", "Order.address in the connector's order()"),
    (r"prices and tax rates of every line", "unit_price and tax_rate of every Line, and Order.shipping, in order()"),
    (r"the flow must call run\.saw|no total the customer saw", 'run.saw("confirmation", amount) in the flow'),
    (r"base currency \w+: nothing was converted", "a case in another currency"),
    (r"delivered twice", "a case that runs under run.fault(\"duplicate\", \"platform\")"),
    (r"parcel|label", "Order.parcels in the connector's order(), and a case that waits for the parcel"),
    (r"no payment of this order|no money of this order|nothing is captured|no payment was captured",
     "Order.payment_refs in the connector's order(): the gateway's reference"),
    (r"holds no sales order|no other system holds",
     "Order.number in the connector's order(): the reference the ERP has; and a case that waits for the ERP"),
    (r"no component of this order has a known amount", "Line.unit_price in the connector's order()"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One oracle that is not evaluated: why, what switches it on, and the defect classes it would catch."""

    oracle: str
    reason: str
    do: str
    defects: tuple[str, ...]
    gain: int


def evaluated(findings: Iterable[Finding]) -> list[str]:
    """Return the oracles that reached a verdict, by id."""
    return sorted({finding.oracle for finding in findings if finding.result is not Result.NOT_EVALUATED})


def switches(findings: Iterable[Finding]) -> list[Switch]:
    """Return what would switch on each oracle that reached no verdict, the one that adds most first."""
    findings = list(findings)
    on = evaluated(findings)
    reasons: dict[str, str] = {}
    for finding in findings:
        if finding.oracle not in on:
            reasons.setdefault(finding.oracle, finding.reason)
    for name in {*ORACLES, *POPULATION_ORACLES} - set(on):
        reasons.setdefault(name, "no order of this walk asked for it")
    defects = _defects()
    caught = {each for name in on for each in defects.get(name, ())}
    left, found = dict(reasons), []
    while left:
        name = max(
            sorted(left), key=lambda each: (len(set(defects.get(each, ())) - caught), len(defects.get(each, ())))
        )
        new = set(defects.get(name, ())) - caught
        caught |= new
        reason = left.pop(name)
        found.append(Switch(oracle=name, reason=reason, do=mend(reason), defects=defects.get(name, ()), gain=len(new)))
    return found


def mend(reason: str) -> str:
    """Return the line or verb that ends the reason an oracle gives; the reason itself where that is not known."""
    for pattern, mend in _MENDS:
        if found := re.search(pattern, reason):
            return mend.format(*(group or "" for group in found.groups()))
    return reason


@cache
def _defects() -> dict[str, tuple[str, ...]]:
    text = resources.files("assay.onboarding").joinpath("oracles.toml").read_text(encoding="utf-8")
    return {name: tuple(each) for name, each in tomllib.loads(text)["defects"].items()}
