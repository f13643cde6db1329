"""How old a table of exchange rates is, read from its rates alone, with the markup on it and what in it deviates.

A shop that copied a publisher's rates and added one markup to all holds, whatever date it shows, one publication times
one factor, rounded. Each rate says in which span the factor lies for each publication; the publication for which all
spans have a factor in common is the one that was copied. All of it is whole numbers, so nothing is near: a publication
explains a table or it does not. Where none or several do, that is the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

LAST = 31
"""How many publications are tried, the newest included."""

_FEWEST_LEFT = {True: 3, False: 4}
"""How many rates must agree without the one that deviates: with a markup that is known, and without."""
_MOST_PLACES = 8
_COARSE = Decimal("0.005")
_Days = Sequence[tuple[date, Mapping[str, tuple[int, int]]]]  # rates as whole numerators and denominators
_Factor = tuple[int, int, int, int]  # the least factor as numerator and denominator, then the largest


@dataclass(frozen=True, slots=True)
class RateSpan:
    """Between which two values a rate lay before it was rounded, both included."""

    low: Fraction
    high: Fraction

    @classmethod
    def of(cls, rate: Decimal) -> RateSpan:
        """Return the span of a rate as it is written: half a unit of its last digit on both sides."""
        if not rate.is_finite() or rate <= 0:
            raise ValueError(f"a rate is a number above zero, not {rate}")
        half = Fraction(Decimal((0, (1,), int(rate.as_tuple().exponent)))) / 2
        return cls(Fraction(rate) - half, Fraction(rate) + half)

    @property
    def middle(self) -> Fraction:
        """The value in the middle."""
        return (self.low + self.high) / 2

    def widened(self) -> RateSpan:
        """Return a span of twice the width: of a number that was cut off, or rounded twice."""
        half = (self.high - self.low) / 2
        return RateSpan(self.low - half, self.high + half)

    def within(self, other: RateSpan) -> RateSpan | None:
        """Return what two spans have in common, None where that is nothing."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return RateSpan(low, high) if low <= high else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateAge:
    """What a table says of itself.

    as_of: the publication it was copied from, None where that cannot be told; then `reason` says why, and `candidates`
    are the publications that explain it, newest first. behind: how many publications are newer. factor: what every
    rate was multiplied by, 1 plus the markup. alone: the one currency that does not fit; off: by which share of its
    rate.
    """

    as_of: date | None = None
    behind: int = 0
    factor: Decimal = Decimal(1)
    alone: str | None = None
    off: Decimal = Decimal(0)
    reason: str = ""
    candidates: tuple[date, ...] = ()

    def __str__(self) -> str:
        """Say it in one sentence, for a finding."""
        if self.as_of is None:
            return f"the age of the rates cannot be told: {self.reason}"
        if self.behind:
            age = f"{_COUNTED.get(self.behind, str(self.behind))} publication{'s' * (self.behind > 1)} old"
        else:
            age = "the newest"
        percent = f"{abs(self.factor - 1) * 100:.3f}".rstrip("0").rstrip(".")
        markup = f", {'plus' if self.factor > 1 else 'less'} {percent} % markup" if self.factor != 1 else ""
        places = 1 if abs(self.off) >= _COARSE else 3
        deviates = f"; {self.alone} alone deviates by {self.off:+.{places}%}" if self.alone else ""
        return f"the rates are those of {self.as_of}, {age}{markup}{deviates}"


_COUNTED = dict(enumerate(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], start=1))


def rate_age(
    table: Mapping[str, RateSpan],
    publications: Mapping[date, Mapping[str, Decimal]],
    *,
    markup: Decimal | None = None,
    last: int | None = LAST,
) -> RateAge:
    """Read from which of the last publications a table was copied.

    table: the shop's rate by currency. publications: the publisher's rates by day, on the same base. markup: what the
    shop adds, None where it is not known. last: how many publications are tried, None for all.
    """
    newest_first = sorted(publications, reverse=True)[:last]
    known = {code: span for code, span in table.items() if any(code in publications[day] for day in newest_first)}
    if not known:
        return RateAge(reason="nobody publishes a rate of its currencies")
    if markup is None and len(known) < 2:
        return RateAge(reason="one rate fits every publication while its markup is not known")
    days = [
        (day, {code: publications[day][code].as_integer_ratio() for code in known if code in publications[day]})
        for day in newest_first
    ]
    for spans in (known, {code: span.widened() for code, span in known.items()}):
        fits = list(_fits(spans, days, markup))
        if len(fits) > 1:
            return _several([day for day, _ in fits])
        if fits:
            day, factor = fits[0]
            return RateAge(as_of=day, behind=newest_first.index(day), factor=_simplest(factor))
    return _one_alone(known, days, markup)


def _one_alone(table: Mapping[str, RateSpan], days: _Days, markup: Decimal | None) -> RateAge:
    """Read the age from all rates but one, where there is but one way to do so."""
    if len(table) - 1 < _FEWEST_LEFT[markup is not None]:
        return RateAge(reason=f"no publication explains its {len(table)} rates, which are too few to leave one out")
    found = [
        (code, day, factor)
        for code in table
        for day, factor in _fits({other: span for other, span in table.items() if other != code}, days, markup)
    ]
    if not found:
        return RateAge(reason=f"none of {len(days)} publications explains its rates, whichever one is left out")
    if len(found) > 1:
        return _several(sorted({day for _, day, _ in found}, reverse=True))
    code, day, exact = found[0]
    behind = [each for each, _ in days].index(day)
    factor = _simplest(exact)
    published = dict(days)[day].get(code)
    if published is None:
        return RateAge(as_of=day, behind=behind, factor=factor)
    share = table[code].middle / (Fraction(*published) * Fraction(factor)) - 1
    off = Decimal(share.numerator) / Decimal(share.denominator)
    return RateAge(as_of=day, behind=behind, factor=factor, alone=code, off=off)


def _several(days: Sequence[date]) -> RateAge:
    shown = ", ".join(str(day) for day in days[:3])
    more = f" and {len(days) - 3} more" if len(days) > 3 else ""
    return RateAge(reason=f"more than one publication explains them ({shown}{more})", candidates=tuple(days))


def _fits(table: Mapping[str, RateSpan], days: _Days, markup: Decimal | None) -> Iterator[tuple[date, _Factor]]:
    """Give each publication that explains all rates, with the least and the largest factor that does."""
    # A factor lies between low / published and high / published; fractions are kept as pairs of whole numbers and
    # compared crosswise, which costs a tenth of Fraction.
    spans = [
        (code, span.low.numerator, span.low.denominator, span.high.numerator, span.high.denominator)
        for code, span in table.items()
    ]
    given = Fraction(1 + markup) if markup is not None else None
    for day, published in days:
        least, largest = (0, 1), (1, 0)
        if given is not None:
            least = largest = (given.numerator, given.denominator)
        for code, low, low_of, high, high_of in spans:
            rate = published.get(code)
            if rate is None:
                break
            units, of = rate
            low_times, high_times = (low * of, low_of * units), (high * of, high_of * units)
            if low_times[0] * least[1] > least[0] * low_times[1]:
                least = low_times
            if high_times[0] * largest[1] < largest[0] * high_times[1]:
                largest = high_times
            if least[0] * largest[1] > largest[0] * least[1]:
                break
        else:
            yield day, (*least, *largest)


def _simplest(factor: _Factor) -> Decimal:
    """Return the number with the fewest decimals between two factors: what a shop would have been told to use."""
    least, largest = Fraction(factor[0], factor[1]), Fraction(factor[2], factor[3])
    for places in range(_MOST_PLACES):
        scale = 10**places
        nearest = round((least + largest) / 2 * scale)
        for units in (nearest, nearest - 1, nearest + 1):
            if least <= Fraction(units, scale) <= largest:
                return Decimal(units).scaleb(-places)
    middle = (least + largest) / 2
    return Decimal(middle.numerator) / Decimal(middle.denominator)
