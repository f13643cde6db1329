"""O-K1: parcels weigh what is in them, in units of one system.

Apart from the other delivery oracles because it weighs again, article by article, what the carrier was told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from assay.events import Finding
from assay.oracles.cause import unit_cause
from assay.oracles.content import exploded, parts_of
from assay.oracles.delivery import is_active
from assay.oracles.judge import failed, oracle, passed, unjudged
from assay.oracles.judging import Judging
from assay.records import Article, Dossier, Order, Parcel

_METRIC, _IMPERIAL = ("KGS", "CM"), ("LBS", "IN")
_GRAMS = {
    "KGS": Decimal(1000),
    "KG": Decimal(1000),
    "LBS": Decimal("453.59237"),
    "OZS": Decimal("28.349523125"),
    "GRM": Decimal(1),
}

Pieces = Sequence[tuple[str, int]]
"""(SKU, units)."""


@dataclass(frozen=True, slots=True)
class _Scale:
    """What is needed to weigh again: grams a unit by SKU, which of them are bundles, what a parcel weighs empty.

    ordered: what was wanted at first, where some of it was cancelled since.
    """

    weights: Mapping[str, int | None]
    bundles: frozenset[str]
    packaging_g: int
    judging: Judging
    carrier: str
    ordered: Pieces = ()

    def grams(self, pieces: Pieces, parcels: int) -> int | None:
        """Return what pieces in that many parcels weigh; None where a weight is not known."""
        total = self.packaging_g * parcels
        for sku, units in pieces:
            weight = self.weights.get(sku)
            if weight is None:
                return None
            total += weight * units
        return total


@oracle(
    "O-K1",
    needs=("carrier", "catalogue"),
    formula="label_weight == sum(qty*w) + packaging within 5 %; units of one system",
)
def units_and_weight(dossier: Dossier, order: Order, judging: Judging) -> Finding:
    """Hold what parcels weigh for the carrier against the articles in them, and units against each other."""
    for label in dossier.labels:
        pair = (label.weight_unit, label.length_unit)
        if label.length_unit and pair not in (_METRIC, _IMPERIAL):
            return failed(
                "shop",
                label.system,
                expected="units of one system: KGS with CM, or LBS with IN",
                seen=" with ".join(pair),
                cause="weight and dimensions are set in different places",
            )
    if judging.packaging_g is None:
        return unjudged("the weight of packaging is not declared: policies.shipping.packaging_g in the profile")
    active = [each for each in order.parcels if is_active(each)]
    weighed = _weighed(dossier, active)
    if not weighed:
        return unjudged("no parcel of this order has a weight yet")
    scale = _Scale(
        weights=_weights(dossier.base_articles),
        bundles=frozenset(sku for sku, parts in parts_of(dossier.base_articles).items() if parts),
        packaging_g=judging.packaging_g,
        judging=judging,
        carrier=dossier.shipments[0].system if dossier.shipments else active[0].carrier,
        ordered=[(line.sku, int(line.quantity)) for line in order.lines]
        if any(line.cancelled for line in order.lines)
        else (),
    )
    if any(scale.grams(parcel.contents, 1) is None for parcel, _ in weighed):
        return unjudged("the shop does not show the weight of every article")
    # By the parcels' own contents an article that was left out of all of them would not be missed.
    everything = [(line.sku, int(line.quantity - line.cancelled)) for line in order.lines]
    kept = [each for each in order.parcels if each.state != "voided"]
    complete = order.status in ("shipped", "delivered") and len(weighed) == len(kept)
    checks = [(sum(seen for _, seen in weighed), everything, len(weighed))] if complete else []
    checks += [(seen, list(parcel.contents), 1) for parcel, seen in weighed if parcel.contents]
    for seen, pieces, parcels in checks:
        if (finding := _off(seen, pieces, parcels, scale)) is not None:
            return finding
    return passed()


def _weighed(dossier: Dossier, parcels: Sequence[Parcel]) -> list[tuple[Parcel, int]]:
    """Return each parcel with what it weighs in grams for the carrier: by its own word, else by the label asked for."""
    held = {each.tracking_number: each.weight_g for each in dossier.shipments}
    asked = [label for label in dossier.labels if label.accepted and label.weight_unit in _GRAMS]
    found = []
    for place, parcel in enumerate(parcels):
        weight = held.get(parcel.tracking_number or "")
        if weight is None and len(asked) == len(parcels):
            weight = round(asked[place].weight * _GRAMS[asked[place].weight_unit])
        if weight is not None:
            found.append((parcel, weight))
    return found


def _weights(articles: Sequence[Article]) -> dict[str, int | None]:
    """Return what a unit of each article weighs; a bundle weighs what is in it, whatever the shop says of the whole."""
    own = {article.sku: article.weight_g for article in articles}
    found: dict[str, int | None] = {}
    for sku in own:
        total: int | None = 0
        for part, units in exploded([(sku, Decimal(1))], parts_of(articles)).items():
            weight = own.get(part)
            total = None if weight is None or total is None else total + weight * int(units)
        found[sku] = total
    return found


def _off(seen: int, pieces: Pieces, parcels: int, scale: _Scale) -> Finding | None:
    """Return that a weight is further from what it should be than carriers round."""
    expected = scale.grams(pieces, parcels)
    if expected is None:
        return None
    # A carrier rounds each parcel by itself.
    slack = max(expected * scale.judging.weight_tolerance, Decimal(scale.judging.weight_step_g * parcels))
    if abs(seen - expected) <= slack:
        return None
    return failed(
        "shop",
        scale.carrier,
        expected=f"{expected} g within {slack:.0f} g",
        seen=f"{seen} g",
        cause=_cause(seen, expected, pieces, parcels, scale),
    )


def _cause(seen: int, expected: int, pieces: Pieces, parcels: int, scale: _Scale) -> str:
    step = scale.judging.weight_step_g
    mistakes: list[tuple[Pieces, str]] = [
        ([(sku, 1) for sku, _ in pieces], "lines were weighed instead of units"),
        ([(sku, units) for sku, units in pieces if sku not in scale.bundles], "what is in a bundle was not weighed"),
    ]
    if scale.ordered:
        mistakes.append((scale.ordered, "the parcel holds what was ordered, not what is still wanted"))
    for mistaken, words in mistakes:
        weight = scale.grams(mistaken, parcels)
        if weight is not None and weight != expected and abs(seen - weight) <= step:
            return words
    return unit_cause(Decimal(seen), Decimal(expected), step=Decimal(step))
