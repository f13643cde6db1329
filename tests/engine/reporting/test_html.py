"""The HTML report: one file that shows a run to everybody, and that no text breaks."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from lxml import etree, html

from assay.errors import UsageError
from assay.events import StepDone
from assay.reporting import record_of
from assay.reporting.html import render_html, template_folders
from assay.reporting.repeat import curl_line
from assay.suites import reference_suite
from tests.engine.reporting import sample

RUNS: dict[str, Callable[[], list[object]]] = {
    "healthy": sample.healthy_run,
    "red": sample.red_run,
    "hostile": sample.hostile_run,
    "empty": lambda: [sample.started(), sample.finished(5)],
    "trouble": lambda: [sample.started(), sample.finished(3, "the edge did not start")],
    "broken off": lambda: [sample.started(), sample.healthy("eur", "1")],
}


def _text(events: list[object], **more: set[str]) -> str:
    return render_html(record_of(events, evaluated_before=more.get("before", ())), template_folders(), sample.NEEDS)


def _page(events: list[object], **more: set[str]) -> Any:
    return html.document_fromstring(_text(events, **more).encode("utf-8", "replace"))


def _words(element: Any) -> str:
    return " ".join(" ".join(element.itertext()).split())


@pytest.mark.parametrize("name", RUNS)
def test_landmarks_and_headings(name: str) -> None:
    """Every page has its landmarks once, one h1, headings without gaps, labelled sections and no doubled id."""
    page = _page(RUNS[name]())
    for landmark in ("header", "nav", "main", "footer"):
        assert len(page.xpath(f"//body/{landmark}")) == 1
    levels = [int(each.tag[1]) for each in page.xpath("//h1|//h2|//h3|//h4")]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert set(page.xpath("//@aria-labelledby|//@aria-describedby")) <= set(ids)
    assert {link.removeprefix("#") for link in page.xpath("//a/@href")} <= set(ids)
    assert not [table for table in page.xpath("//table") if not table.xpath(".//th[@scope]")]
    assert all(region.get("tabindex") == "0" for region in page.xpath("//*[contains(@class, 'scroll')]"))


@pytest.mark.parametrize("name", RUNS)
def test_self_contained_and_without_script(name: str) -> None:
    """Nothing is fetched and nothing is run: every address is a place on the page or data."""
    text = _text(RUNS[name]())
    page: Any = html.document_fromstring(text.encode("utf-8", "replace"))
    assert all(link.startswith(("#", "data:")) for link in page.xpath("//@href|//@src|//@srcset|//@action"))
    assert not page.xpath("//script|//iframe|//object|//embed|//@*[starts-with(name(), 'on')]")
    style = "".join(page.xpath("//style/text()"))
    assert "url(" not in style
    assert "@import" not in style


def test_findings_come_first_with_their_grounds() -> None:
    """The first section shows each kind of finding once: sentence, facts, journal lines, and where else it is."""
    page = _page(sample.red_run())
    assert page.xpath("//main/section/@id") == ["findings", "steps", "coverage", "money", "contracts", "flows", "open"]
    cards = page.xpath("//section[@id='findings']//article")
    assert len(cards) == 2
    words = _words(cards[0])
    assert words.startswith("✗ O-M1 Money 2 times order 100231 in shop and stripe: expected 80 minor units for 80 JPY")
    for fact in ("Formula captured_minor", "Likely cause exponent: JPY", "Money at risk 7920 JPY", "2 times", "100299"):
        assert fact in words
    assert "stripe POST /v1/payment_intents amount=8000" in words


def test_head_says_what_was_run() -> None:
    """Verdict, counts, environment, view, commit, seed and duration stand at the head."""
    head = _words(_page(sample.red_run()).xpath("//header")[0])
    for words in (
        "Failed",
        "4 of 6 cases failed",
        "local",
        "forward proxy",
        "evaluated",
        "1f0c9ab",
        "Seed 42",
        "1 min 23 s",
        "129.00 EUR",
    ):
        assert words in head


def test_coverage_shows_empty_cells() -> None:
    """The map has a row for each flow and system and a column for each failure mode, looked at or not."""
    page = _page(sample.red_run())
    (table,) = page.xpath("//table[@class='coverage']")
    columns = [_words(cell) for cell in table.xpath("./thead//th")][1:]
    rows = {_words(row[0]): [_words(cell) for cell in row[1:]] for row in table.xpath("./tbody[1]/tr[td]")}
    assert list(rows) == ["merchant", "sap_s4hana", "stripe", "ups", "(wms: nothing read)"]
    stripe = dict(zip(columns, rows["stripe"], strict=True))
    assert stripe["Money"] == "✗ 2/5 failed"
    assert stripe["Orders"] == "✓ 4 passed"
    assert stripe["Punchout"] == "empty"
    assert dict(zip(columns, rows["(wms: nothing read)"], strict=True))["Stock"] == "? 5 not evaluated"


def test_order_side_by_side() -> None:
    """Systems stand side by side; what an oracle failed on and what differs is marked in words."""
    page = _page(sample.red_run())
    yen, _, doubled, *_ = page.xpath("//table[@class='dossier']")
    captured = {_words(row[0]): [_words(cell) for cell in row[1:]] for row in yen.xpath(".//tr[td]")}["Captured"]
    assert captured == ["", "8,000 minor units JPY ✗ O-M1", "", ""]
    heads = [_words(cell) for cell in doubled.xpath("./thead//th")]
    assert sum("sap_s4hana" in head and "O-O1" in head for head in heads) == 2
    lines = {_words(row[0]): [_words(cell) for cell in row[1:]] for row in doubled.xpath(".//tr[td]")}["Lines"]
    assert lines[2] == lines[0]
    assert "differs from the shop" in lines[3]


def test_not_evaluated_says_what_switches_it_on() -> None:
    """Every reason stands with its oracles and the line or verb to add; what was evaluated before is named."""
    page = _page(sample.red_run(), before={"O-P1", "O-M1"})
    words = _words(page.xpath("//section[@id='open']")[0])
    assert "O-S1 6 wms: environment 'local' has no system of role 'wms'" in words
    assert 'add [environments.local.systems.ID] with role = "wms" to assay.toml' in words
    assert _words(page.xpath("//section[@id='lost']//li")[0]) == "O-P1 : no case of this run asked for it"


def test_exchanges_can_be_repeated() -> None:
    """An exchange comes with a curl line whose secrets are variables; the same poll three times is shown once."""
    (case,) = _page([sample.started(), sample.healthy("eur", "1"), sample.finished()]).xpath("//details[@id='case-1']")
    words = _words(case)
    assert """-H 'Authorization: Bearer '"$STRIPE_AUTHORIZATION\"""" in words
    assert """--data-raw '{"reference":"A-1","api_key":"'"$MERCHANT_API_KEY"'"}'""" in words
    assert "3 times the same" in words
    assert len(case.xpath(".//ol[@class='talks']/li")) == 4


def test_curl_line_repeats_the_request() -> None:
    """A shell takes the line apart into the very request, quotes, brackets and a leading @ included."""
    body = """@{"it's": "$HOME `id`", "card": {"cvc": "***"}}"""
    talk = sample.exchange("stripe", "POST", "/v1/tokens?expand[]=card&q=it's", 200, request_body=body)
    echo = 'curl() { for each in "$@"; do printf "%s\\0" "$each"; done; }\n'
    seen = subprocess.run(
        ["sh", "-c", echo + curl_line(talk)],
        env={"STRIPE_AUTHORIZATION": "sk 1", "STRIPE_CVC": "12 3"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert seen.stdout.split("\0")[:-1] == [
        "-sS", "-g", "-X", "POST", "https://stripe.example/v1/tokens?expand[]=card&q=it's",
        "-H", "Authorization: Bearer sk 1", "-H", "Content-Type: application/json",
        "--data-raw", body.replace("***", "12 3"),
    ]  # fmt: skip


def test_steps_on_a_time_line() -> None:
    """Steps stand where they started; where the landscape's clock was moved they are laid end to end, and told so."""
    sound = sample.healthy("eur", "1")
    late = StepDone(name="later", started_at=sample.START.replace(day=23), seconds=1.0)
    page = _page([sample.started(), sound, replace(sound, case="late", steps=(*sound.steps, late)), sample.finished()])
    first, second = page.xpath("//table[@class='steps']")
    assert _words(first.find("caption")) == "Laid out by their start"
    assert "end to end" in _words(second.find("caption"))
    places = [re.findall(r"[\d.]+", style) for style in second.xpath(".//span/@style")]
    assert all(float(left) + float(width) <= 100.1 for left, width in places)


def test_hostile_text_is_shown_not_obeyed() -> None:
    """Markup is text, direction marks and control characters are written out, and 10 kB strings are cut with a word."""
    text = _text(sample.hostile_run())
    page: Any = html.document_fromstring(text.encode("utf-8", "replace"))
    words = _words(page)
    assert sample.HOSTILE[0] in words
    assert r"nul \x00 bell \x07" in words
    assert r"\u202eevil" in words
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e\ud800-\udfff]", text)
    assert "W" * 2_600 not in text
    assert "characters in all)" in words
    etree.fromstring(text.replace("<!DOCTYPE html>", ""), etree.HTMLParser(recover=False))


@pytest.mark.parametrize("hostile", [False, True], ids=["usual", "hostile"])
def test_under_two_megabytes(hostile: bool) -> None:
    """500 outcomes stay under 2 MB, every case is listed, and what was left out is said."""
    events = sample.long_run()
    if hostile:
        attack = [replace(each, flow=f"{each.flow}{turn}") for turn in range(63) for each in sample.hostile_outcomes()]
        events = [sample.started(), *attack[:500], sample.finished(1)]
    text = _text(events)
    assert len(text.encode("utf-8", "replace")) < 2_000_000
    page: Any = html.document_fromstring(text.encode("utf-8", "replace"))
    assert len(page.xpath("//*[starts-with(@id, 'case-')]")) == 500
    assert "to keep this file small; run.jsonl holds them" in _words(page)


def test_own_templates_come_first(tmp_path: Path) -> None:
    """A project's own template takes the shipped one's place, and a wrong one is named with its line."""
    (tmp_path / "reports").mkdir()
    own = tmp_path / "reports" / "run.html.j2"
    own.write_text("<p>{{ page.verdict.headline }}")
    run = record_of(sample.healthy_run())
    assert render_html(run, template_folders(tmp_path)) == "<p>Passed"
    own.write_text("<p>\n{% if %}")
    with pytest.raises(UsageError, match=r"run\.html\.j2:2"):
        render_html(run, template_folders(tmp_path))
    own.write_text("{{ page.nothing }}")
    with pytest.raises(UsageError, match="nothing"):
        render_html(run, template_folders(tmp_path))


def test_text_can_be_read_in_both_palettes() -> None:
    """Every text colour has a contrast of at least 4.5 to 1 on its grounds, light and dark (WCAG 1.4.3)."""
    style = (reference_suite() / "reports" / "report.css").read_text()
    pairs = [("ink", "page"), ("ink", "sheet"), ("ink", "faint"), ("ink", "warn-bg"), ("quiet", "page")]
    pairs += [("quiet", "sheet"), ("quiet", "faint"), ("link", "page"), ("link", "sheet"), ("fail", "fail-bg")]
    pairs += [("fail", "sheet"), ("fail", "faint"), ("pass", "pass-bg"), ("pass", "sheet"), ("warn", "warn-bg")]
    pairs += [("warn", "sheet"), ("open", "open-bg")]
    palettes = [dict(re.findall(r"--([\w-]+): (#\w+)", block)) for block in re.findall(r":root \{[^}]*\}", style)]
    assert len(palettes) == 2
    for palette in palettes:
        for front, ground in pairs:
            light, dark = sorted((_luminance(palette[front]), _luminance(palette[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (front, ground, palette[front], palette[ground])


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
