"""What a check may be told: wrong options are refused before any run, with the option and what to write."""

from __future__ import annotations

import pytest

from assay.drift import load_checks
from assay.drift.checks import CHECKS, check_named
from assay.errors import UsageError

load_checks()


@pytest.mark.parametrize(
    ("check", "option", "value", "says"),
    [
        ("order_census", "window", "soon", "a span above zero"),
        ("order_census", "lag", "0s", "a span above zero"),
        ("order_census", "settle", True, "a span above zero"),
        ("orders", "sample", 0, "a whole number"),
        ("orders", "sample", True, "a whole number"),
        ("orders", "judges", ["O-M99"], "did you mean"),
        ("rates", "currencies", ["EURO"], "did you mean"),
        ("hooks", "refused", -1, "a whole number"),
        ("latency", "limit", "fast", "a span above zero"),
        ("marker", "ask", ["piking"], "did you mean 'picking'?"),
    ],
)
def test_a_wrong_option_is_refused(check: str, option: str, value: object, says: str) -> None:
    """The error names the option, and says what fits or what was meant."""
    chosen = check_named(check)
    assert chosen.judge is not None
    with pytest.raises(UsageError) as refused:
        chosen.judge({**chosen.options, option: value})
    assert refused.value.where == option
    assert says in str(refused.value)


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_the_usual_options_are_right(name: str) -> None:
    """Every check has a meaning in one line, and judges its own defaults well where it needs none of the monitor's."""
    check = CHECKS[name]
    assert check.meaning
    if check.judge is not None and name != "web":
        check.judge(check.options)


def test_an_unknown_check_is_suggested() -> None:
    """A misspelt check is refused with the nearest."""
    with pytest.raises(UsageError) as refused:
        check_named("order_cencus")
    assert refused.value.hint == "did you mean 'order_census'?"
