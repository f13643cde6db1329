"""What somebody reads who is woken at three in the morning: everything needed to decide, nothing private."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.alerts.evidence import clean
from assay.alerts.text import duration
from assay.events import Finding, Result, StepDone
from assay.money import Money
from assay.store import open_store
from tests.engine.monitoring.night import APPRISE_IS_OLD, MIDNIGHT, Night, profile_of, watch, wrong

pytestmark = APPRISE_IS_OLD

FIRING = """\
FAILING since 00:01 UTC on 02 Mar 2026 (2 min): Order in a foreign currency, in production.
Customers: Orders in yen are charged a hundredfold.
Systems:   shop and stripe
Found:     O-M1 for order 1001
Expected:  8,000 JPY
Seen:      800,000 JPY
Likely:    minor units were taken for major ones
At risk:   792,000 JPY
Orders:    1001
Journal:   00:01:02 POST api.stripe.com/v1/payment_intents amount=800000 -> 200
Runs:      3 of 3 since then did not pass
Look:      assay explain 1001 --env production
           assay monitor --env production --only foreign_order --once
Runbook:   https://wiki.example/runbooks/foreign_order.md
Status:    https://status.example/assay/monitors/foreign_order
Owner:     payments team"""
RESOLVED = """\
OVER: Order in a foreign currency, in production.
Lasted:    4 min, from 00:01 to 00:05 UTC on 02 Mar 2026; 3 of 5 runs did not pass
Was:       O-M1: expected 8,000 JPY; seen 800,000 JPY
Runbook:   https://wiki.example/runbooks/foreign_order.md
Status:    https://status.example/assay/monitors/foreign_order
Owner:     payments team"""
STUCK = 'File "a.py", line 3, in look\n  sock.recv()\nFile "ssl.py", line 1, in read\n  return self._sslobj.read(len)'


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    """One monitor of an order in a foreign currency."""
    store = open_store(tmp_path / "store.sqlite")
    foreign = watch(
        "foreign_order",
        title="Order in a foreign currency",
        customers="Orders in yen are charged a hundredfold.",
        owner="payments team",
        interval_s=86_400.0,
    )
    profile = profile_of(tmp_path, runbooks="https://wiki.example/runbooks/")
    yield Night(store, profile, {"foreign_order": foreign})
    store.close()


def told(night: Night, *results: str, **more: Any) -> str:
    """Return the last text after these runs."""
    night.runs(*results, name="foreign_order", **more)
    return str(night.messages[-1]["text"])


def test_the_text_of_an_alert_word_by_word(night: Night) -> None:
    """What is broken for whom, since when, where, expected and seen, why, money, orders, proof, what to do next."""
    assert told(night, "failed", "failed", "failed") == FIRING
    subject = "[PAGE] FAILING: Order in a foreign currency (production): Orders in yen are charged a hundredfold."
    assert night.messages[0]["subject"] == subject
    assert told(night, "passed", "passed") == RESOLVED
    assert night.messages[1]["subject"] == "[RESOLVED] Order in a foreign currency (production)"


def test_money_at_risk_is_summed_by_currency_and_order(night: Night) -> None:
    """Two findings over one order count once, the larger; currencies are never added up, nor the same order twice."""
    findings = (
        wrong(at_risk=Money(500, "EUR")),
        wrong(oracle="O-M3", at_risk=Money(1_250, "EUR")),
        wrong(order_ref="1002", at_risk=Money(1_000_000, "JPY")),
        wrong(order_ref="the last hour of orders", at_risk=Money(199, "EUR")),
    )
    text = told(night, "failed", "failed", "failed", findings=findings)
    assert "At risk:   14.49 EUR, 1,000,000 JPY" in text
    assert "Orders:    1001, 1002\n" in text
    assert "and 1 more like these" in text


def test_a_failed_step_and_a_flow_that_is_stuck_say_where(night: Night) -> None:
    """A step is named with its error, a hang with the last lines of its stack."""
    step = StepDone(name="pay", started_at=MIDNIGHT, seconds=3, error="AssertionError: no button\n  at line 9", code=1)
    assert "Step:      pay: AssertionError: no button at line 9" in told(
        night, *["failed"] * 3, findings=(), steps=(step,)
    )
    told(night, "passed", "passed")
    text = told(night, "stuck", "stuck", "stuck", stack=STUCK)
    assert text.startswith("UNKNOWN since")
    assert 'Hangs at:  File "a.py", line 3, in look\n           sock.recv()' in text


def test_commands_quote_what_a_shell_would_take_apart(night: Night) -> None:
    """An order number with a quote or a dollar cannot make the command another one."""
    text = told(night, "failed", "failed", "failed", findings=(wrong(order_ref="10;rm$(x)'"),))
    assert """assay explain '10;rm$(x)'"'"'' --env production""" in text


SECRETS = (
    ("the mail zoe.smith+shop@example.co.uk was", "zoe.smith", "z***@example.co.uk"),
    ("call +33 6 12 34 56 78 now", "12 34 56", "+***"),
    ("card 4242 4242 4242 4242 declined", "4242 4242 4242", "424242"),
    ('{"api_key": "sk_live_51abcdef"}', "sk_live_51abcdef", '"***"'),
    ("https://x.example/?token=abcdef123&a=1", "abcdef123", "token=***&a=1"),
)


@pytest.mark.parametrize("field", ["expected", "seen", "cause", "evidence", "trouble", "error"])
@pytest.mark.parametrize(("given", "secret", "kept"), SECRETS)
def test_secrets_and_personal_data_are_masked_everywhere(
    night: Night, field: str, given: str, secret: str, kept: str
) -> None:
    """In text, subject and store alike, whichever field they came in."""
    more: dict[str, Any] = {"findings": (wrong(),)}
    if field == "trouble":
        more["trouble"] = (given,)
    elif field == "error":
        more["steps"] = (StepDone(name="pay", started_at=MIDNIGHT, seconds=1, error=given),)
    else:
        more["findings"] = (wrong(**{field: (given,) if field == "evidence" else given}),)
    text = told(night, "failed", "failed", "failed", **more)
    memory = str(night.store.alerts.load("production")[0].memory)
    assert kept in text
    assert secret not in text + memory + str(night.messages)


def test_an_address_that_an_oracle_saw_is_not_repeated(night: Night) -> None:
    """The oracle over labels quotes addresses: the alert says only that they differ, and where to look."""
    finding = Finding(
        oracle="O-K2",
        result=Result.FAIL,
        order_ref="1001",
        systems=("ups",),
        expected="city Müllerstadt on the label",
        seen="Zoé Smith / 12 rue de la Paix",
        cause="the city was lost",
    )
    text = told(night, "failed", "failed", "failed", findings=(finding,))
    assert "Müllerstadt" not in text + str(night.store.alerts.load("production")[0].memory)
    assert "rue de la Paix" not in text
    assert "the city was lost" in text


def test_control_characters_and_marks_that_turn_text_do_not_arrive(night: Night) -> None:
    """A vendor's answer with escapes, NUL and an override stays on its line, in order."""
    text = told(night, *["failed"] * 3, findings=(wrong(seen="\x1b[31mred\x00\u202etxt\r\nOwner:     nobody"),))
    assert "Seen:      [31mred txt Owner: nobody" in text


@settings(max_examples=60)
@given(st.text(max_size=900), st.integers(1, 500))
def test_whatever_comes_is_one_line_within_its_limit(text: str, limit: int) -> None:
    """Any text becomes one line without controls, of at most its limit and the note that it was cut."""
    line = clean(text, limit)
    assert len(line) <= limit + 7
    assert not [each for each in line if unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp")]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (99.4, "99 s"),
        (100, "1 min"),
        (3599, "59 min"),
        (3600, "1 h 0 min"),
        (86_400, "1 d 0 h"),
        (-5, "0 s"),
    ],
)
def test_durations_read_well(seconds: float, words: str) -> None:
    """The largest two units, nothing longer."""
    assert duration(seconds) == words
