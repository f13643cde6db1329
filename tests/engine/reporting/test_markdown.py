"""Markdown: the summary of a CI job."""

from __future__ import annotations

import re

from assay.reporting import record_of
from assay.reporting.markdown import render_markdown
from tests.engine.reporting import sample

RED = """\
## ❌ Assay: Failed

1 of 1 case failed; 1 finding; 2 of 6 verdicts not evaluated.

environment **local** · platform seen by **forward proxy: the platform keeps its vendors' addresses** · \
runner **pytest** · commit **1f0c9ab** · seed **42** · \
run **run-7f3a** · duration **1 min 23 s** · cases **1** · oracles **3 passed, 1 failed, 2 not evaluated** · \
money at risk **7920 JPY**

### Findings

- **O-M1** (F01 / jpy): order 100231 in shop and stripe: expected 80 minor units for 80 JPY, seen 8000 minor units. \
Likely cause: exponent: JPY was sent with 2 decimals, stripe counts 0. At risk: 7920 JPY.

### Flows

| Flow | Cases | Passed | Failed | Flaky | Not judged | Findings | Not evaluated |
|---|--:|--:|--:|--:|--:|--:|--:|
| F01 Order to ERP to carrier | 1 | 0 | 1 | 0 | 0 | 1 | 2 |

### Money

| Currency | Gateway | Orders | Charged | Refunded | Settled | Residual |
|---|---|--:|--:|--:|--:|--:|
| JPY | stripe | 1 | 8,000 | 0 | not read | +7,920 against the shop |

### Evaluated last time, not now

- **O-P1**: no case of this run asked for it
- **O-S1**: wms: environment 'local' has no system of role 'wms'

### Not evaluated

- O-M4 (1): policies.rates.source is not declared → declare policies.rates.source in assay.toml
- O-S1 (1): wms: environment 'local' has no system of role 'wms' → \
add \\[environments.local.systems.ID\\] with role = "wms" to assay.toml
"""


def test_a_red_run_whole() -> None:
    """The whole summary of one finding: verdict, facts, finding in a sentence, flows, what is lost and not judged."""
    events = [sample.started(), sample.with_exponent(), sample.finished(1)]
    assert render_markdown(record_of(events, evaluated_before={"O-M1", "O-P1", "O-S1"})) == RED


def test_a_green_run_says_so() -> None:
    """A green run shows its counts and has no section of findings."""
    text = render_markdown(record_of(sample.healthy_run()))
    assert text.startswith("## ✅ Assay: Passed\n\nNone of 3 cases failed; 6 of 18 verdicts not evaluated.\n")
    assert "### Findings" not in text


def test_never_green_over_nothing() -> None:
    """Exit 0 over no verdict, or over a failed case, is not shown as passed."""
    assert "❌ Assay: Nothing ran" in render_markdown(record_of([sample.started(), sample.finished(0)]))
    wrong = [sample.started(), sample.with_exponent(), sample.finished(0)]
    assert "❌ Assay: Failed" in render_markdown(record_of(wrong))
    assert "❌ Assay: Unfinished" in render_markdown(record_of([sample.started(), sample.healthy("eur", "1")]))


def test_flaky_steps_and_trouble_are_listed() -> None:
    """What failed beside findings has a section of its own."""
    events = sample.red_run()
    events[-1] = sample.finished(3, "stripe does not answer\n  where: api.stripe.com")
    text = render_markdown(record_of(events))
    assert "### Trouble\n\n- stripe does not answer where: api.stripe.com" in text
    assert "### Failed steps\n\n- F01 / guest, step **the parcel is delivered**: TimeoutError" in text
    assert "### Passed only when repeated\n\n- F00 / guest: 2 repeats" in text


def test_hostile_text_is_no_markup() -> None:
    """No link, image, tag, table cell or mention comes out of a system's text, and nothing leaves its line."""
    text = render_markdown(record_of(sample.hostile_run()))
    for markup in (" @everyone", "http://evil", "\u202e", "\x00", "W" * 301):
        assert markup not in text
    assert not re.search(r"(?<!\\)(<(?!!-- -->)|[`\[]|(?<!<)!)", text)
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace(r"\|", "").count("|") for line in table} == {8, 9}


def test_a_long_run_stays_short() -> None:
    """Hundreds of findings are counted, not listed: CI cuts a summary at 1 MB."""
    text = render_markdown(record_of(sample.long_run()))
    assert len(text.encode()) < 40_000
