"""`assay selftest --records` from the front door: which defects today's profile would catch, without any switch."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from assay.events import Outcome, RunFinished, RunStarted
from assay.oracles import ORACLES, POPULATION_ORACLES
from assay.records import Dossier, Line
from assay.reporting import FILES, open_reports
from assay.reporting.jsonl import line_of, read_line
from assay.runners.record_trials import CLASSES, Lacking, try_records
from tests.conftest import type_assay
from tests.engine.oracles.world import JUDGING, call, healthy, with_payment

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT.parent / "shared" / "domain"
AT = datetime(2026, 3, 7, 9, 0, tzinfo=UTC)


def told(currency: str = "EUR", number: int = 1) -> Dossier:
    """A healthy order under a number of its own, with a webhook that crossed the edge."""
    hook = call("stripe", "POST", "/webhooks/stripe", way="reverse", request_body='{"id": "evt_1"}')
    dossier = healthy(currency)
    outcome = Outcome(flow="F01", case="", environment="", dossiers=(replace(dossier, calls=(*dossier.calls, hook)),))
    text = line_of(outcome).decode()
    for pattern in (r"\b(A|ord_|pi_|chk_|checkout-chk_)1\b", r"\b(1ZA1B2C3110000001)5\b", r"(zoe)(?=@)", r"\b(471)1\b"):
        text = re.sub(pattern, rf"\g<1>{number}", text)
    read = read_line(text.encode(), "here")
    assert isinstance(read, Outcome)
    return read.dossiers[0]


def write_run(
    project: Path, name: str, dossiers: Sequence[Dossier], *, exit_code: int = 0, environment: str = "local"
) -> Path:
    """Leave a run as `assay run` does; return its folder."""
    folder = project / "reports" / "out" / name
    folder.mkdir(parents=True)
    events = [
        RunStarted(run_id=name, runner="run", environment=environment, view="forward_proxy", started_at=AT, seed=1),
        *(
            Outcome(flow="F01", case=f"case {place}", environment=environment, dossiers=(dossier,))
            for place, dossier in enumerate(dossiers)
        ),
        RunFinished(run_id=name, finished_at=AT, exit_code=exit_code),
    ]
    (folder / FILES["jsonl"]).write_bytes(b"".join(line_of(event) for event in events))
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project with the shipped profile and no run."""
    (tmp_path / "assay.toml").write_text((ROOT / "assay.toml").read_text())
    return tmp_path


def tried(shop: Path, *arguments: str) -> dict[str, Any]:
    """Run the command and return its JSON."""
    done = type_assay("selftest", "--records", *arguments, "--json", str(shop / "told.json"), cwd=shop)
    assert done.returncode in (0, 1), done.stderr
    content: dict[str, Any] = json.loads((shop / "told.json").read_text())
    assert content["exit_code"] == done.returncode
    return content


def by_id(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The classes by id."""
    return {each["id"]: each for each in content["classes"]}


def test_every_class_is_tried_on_the_last_green_run(shop: Path) -> None:
    """Of a green run every class is made or said to be lacking, nothing healthy alarms, and the table is written."""
    write_run(shop, "20260301-1", [healthy("EUR")])
    write_run(shop, "20260302-1", [told("EUR", 1), told("JPY", 2), told("KWD", 3)])
    write_run(shop, "20260303-1", [with_payment(healthy("EUR"), captured=1)], exit_code=1)
    write_run(shop, "20260304-1", [healthy("EUR")], environment="ci")
    done = type_assay("selftest", "--records", cwd=shop)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Records of run 20260302-1, environment local, 3 orders" in done.stdout
    content = json.loads((shop / "reports/out/selftest-records.json").read_text())
    assert (content["version"], content["alarms"], len(content["classes"])) == (1, [], len(CLASSES))
    assert "exponent: EUR was sent with 4 decimals" in by_id(content)["charge times 100"]["sentence"]
    markdown = (shop / "reports/out/selftest-records.md").read_text()
    assert all(f"| {each}: " in markdown for each in CLASSES)


def test_what_cannot_be_made_is_said_and_not_counted(shop: Path) -> None:
    """A class the run holds no record for is neither caught nor missed, and its row says what is lacking."""
    write_run(shop, "20260302-1", [healthy("EUR")])
    content = tried(shop)
    each = by_id(content)["charge by 10"]
    assert (each["verdict"], each["made"]) == ("not made", 0)
    assert "three decimals" in each["lacking"]
    counts = content["counts"]
    assert counts["classes"] + counts["not_made"] == len(CLASSES)
    assert counts["caught"] + counts["missed"] + counts["not_evaluated"] == counts["classes"]


def test_a_blind_oracle_names_what_switches_it_on(shop: Path) -> None:
    """Without its parameter an oracle sees nothing: the class is not evaluated, and the line to add is named."""
    profile = shop / "assay.toml"
    profile.write_text(profile.read_text().replace('[policies.books]\nzone = "Europe/Paris"\n', ""))
    write_run(shop, "20260302-1", [healthy("EUR")])
    content = tried(shop, "--only", "ERP-09")
    [each] = content["classes"]
    assert (each["id"], each["verdict"]) == ("document dated a day late", "not evaluated")
    assert each["not_evaluated"][0]["oracle"] == "O-E3"
    assert each["not_evaluated"][0]["remedy"] == "policies.books.zone in assay.toml"
    assert content["switches"][0]["uncaught"] == ["document dated a day late"]


def test_a_class_nobody_could_see_is_not_evaluated(shop: Path) -> None:
    """Where a verb is missing there is no record to make wrong: not evaluated, and the verb is named."""
    blind = replace(told(), messages=(), unread=(("messages", "the shop's connector has no verb 'messages'"),))
    write_run(shop, "20260302-1", [blind])
    [each] = tried(shop, "--only", "ORD-14")["classes"]
    assert (each["verdict"], each["made"]) == ("not evaluated", 0)
    assert each["not_evaluated"][0]["remedy"] == "the verb messages(ref) in the shop's connector"


def test_what_nobody_sees_is_missed(shop: Path) -> None:
    """A profile that allows what a defect does makes its oracle look on, and the table says MISSED and who looked."""
    profile = shop / "assay.toml"
    profile.write_text(profile.read_text().replace("[policies]\n", "[policies]\nconfirms_unpaid = true\n", 1))
    write_run(shop, "20260302-1", [told()])
    [each] = tried(shop, "--only", "PAY-05")["classes"]
    assert (each["verdict"], each["made"], each["oracles"]) == ("missed", 1, [])
    assert "O-O12" in each["passed"]
    assert "MISSED" in (shop / "reports/out/selftest-records.md").read_text()


def test_records_that_alarm_as_they_were_are_exit_1(shop: Path) -> None:
    """A record nobody touched that gives an alarm makes the trial worthless: exit 1, the alarm first."""
    write_run(shop, "20260302-1", [with_payment(healthy("EUR"), captured=669000)])
    content = tried(shop)
    assert content["exit_code"] == 1
    assert any("O-M1" in alarm for alarm in content["alarms"])


def test_an_oracle_that_was_red_before_proves_nothing(shop: Path) -> None:
    """What was red over the healthy record is no proof that the class was seen."""
    write_run(shop, "20260302-1", [with_payment(healthy("EUR"), captured=669000)])
    each = by_id(tried(shop, "--only", "MON-11"))["charge without decimals"]
    assert "O-M1" not in each["oracles"]


def test_without_a_green_run_it_says_what_to_do(shop: Path) -> None:
    """No green run with orders: exit 5, with what was seen and the command that makes one."""
    done = type_assay("selftest", "--records", cwd=shop)
    assert done.returncode == 5
    assert "assay run --env local" in done.stderr
    write_run(shop, "20260302-1", [healthy("EUR")], exit_code=1)
    write_run(shop, "20260301-1", [])
    done = type_assay("selftest", "--records", cwd=shop)
    assert done.returncode == 5
    assert "run 20260301-1 is green and placed no order" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--records", "--run", "20260302-9"), "did you mean '20260302-1'?"),
        (("--records", "--only", "charge times 10"), "did you mean 'charge times 100'?"),
        (("--records", "--class", "MOM"), "did you mean 'MON'?"),
        (("--run", "20260302-1"), "add --records"),
        (("--records", "--run", "20260302-1", "--env", "ci"), "is not of environment 'ci'"),
    ],
)
def test_wrong_use_is_named(shop: Path, arguments: Sequence[str], sentence: str) -> None:
    """A run, class or defect nobody knows is exit 2 with the nearest name."""
    write_run(shop, "20260302-1", [healthy("EUR")])
    done = type_assay("selftest", *arguments, cwd=shop)
    assert done.returncode == 2, done.stdout
    assert sentence in done.stderr


def test_a_named_run_need_not_be_green(shop: Path) -> None:
    """--run takes any run that placed orders, by id or folder; half of its last line is left out."""
    folder = write_run(shop, "20260302-1", [healthy("EUR")], exit_code=1)
    assert tried(shop, "--run", "20260302-1")["run_id"] == "20260302-1"
    lines = folder / FILES["jsonl"]
    lines.write_bytes(lines.read_bytes()[:-20])
    assert tried(shop, "--run", str(folder))["orders"] == 1


def test_what_a_run_keeps_of_records_is_masked(tmp_path: Path) -> None:
    """A card number in a message or an ERP's text is not kept; a tracking number is, even if it could be a card's."""
    card, parcel = "4242424242424242", "4000056655665556"
    dossier = told()
    messages = (
        replace(dossier.messages[0], text=f"You paid with {card}."),
        replace(dossier.messages[1], text=f"Parcel {parcel} has left."),
    )
    shipment = replace(dossier.shipments[0], tracking_number=parcel)
    document = replace(dossier.documents[0], texts=(f"paid with {card}",))
    dossier = replace(dossier, messages=messages, shipments=(shipment,), documents=(document,))
    reports = open_reports(tmp_path, formats=["jsonl"])
    reports(Outcome(flow="F01", case="eur", environment="local", dossiers=(dossier,)))
    text = (tmp_path / FILES["jsonl"]).read_text()
    assert card not in text
    assert text.count("424242******4242") == 2
    assert f"Parcel {parcel} has left." in text


def test_each_class_is_caught_by_an_oracle_named_for_it() -> None:
    """In a world where everything is read and declared, no class is missed, and the oracle meant for it sees it."""
    dossiers = [(currency, told(currency, number)) for number, currency in enumerate(("EUR", "JPY", "KWD"), 1)]
    trial = try_records(dossiers, JUDGING, mend=str)
    assert trial.alarms == ()
    assert [each.record_class.id for each in trial.tried if each.verdict == "missed"] == []
    for each in trial.tried:
        if each.verdict == "caught":
            assert {*each.oracles} & {*each.record_class.oracles}, each.record_class.id
        if each.verdict == "not evaluated":
            assert not {*each.record_class.oracles} & {*ORACLES, *POPULATION_ORACLES}, each
    assert sum(each.verdict == "caught" for each in trial.tried) >= 85


def without(dossier: Dossier) -> Iterator[tuple[str, Dossier]]:
    """Every dossier that lacks one thing: an optional field of the order, a kind of record, or fields within them."""
    assert dossier.order is not None
    order = dossier.order
    changes: list[tuple[Any, Callable[[dict[str, Any]], Dossier]]] = [
        (dossier, lambda more: replace(dossier, **more)),
        (dossier.order, lambda more: replace(dossier, order=replace(order, **more))),
        (dossier.payments[0], lambda more: replace(dossier, payments=(replace(dossier.payments[0], **more),))),
        (dossier.documents[0], lambda more: replace(dossier, documents=(replace(dossier.documents[0], **more),))),
        (dossier.shipments[0], lambda more: replace(dossier, shipments=(replace(dossier.shipments[0], **more),))),
    ]
    for owner, put in changes:
        for field in fields(owner):
            if field.default is not MISSING:
                yield f"{type(owner).__name__}.{field.name}", put({field.name: field.default})
    bare = tuple(Line(sku=line.sku, quantity=line.quantity) for line in dossier.order.lines)
    yield "Order.lines.*", replace(dossier, order=replace(dossier.order, lines=bare))
    yield "Document.lines.*", replace(dossier, documents=(replace(dossier.documents[0], lines=bare),))


@pytest.mark.parametrize("currency", ["EUR", "JPY"])
def test_a_record_that_lacks_something_breaks_no_class(currency: str) -> None:
    """Whatever a shop or system does not show, each class is made all the same or says what is lacking."""
    for what, dossier in without(told(currency)):
        for each in CLASSES.values():
            if each.change is None:
                continue
            try:
                assert isinstance(each.change(dossier, JUDGING), Dossier)
            except Lacking as why:
                assert str(why), (what, each.id)


def test_a_change_leaves_the_record_it_was_given_alone() -> None:
    """Changes are pure: the same records give the same trial twice."""
    dossiers = [("EUR", told())]
    assert try_records(dossiers, JUDGING, mend=str) == try_records(dossiers, JUDGING, mend=str)


def test_every_id_is_of_the_catalogue() -> None:
    """Each class cites defects of the catalogue, and an oracle that their row or its own names for them."""
    if not CATALOGUE.is_dir():
        pytest.skip("the catalogue of defects (../shared/domain) is not here")
    rows = dict(re.findall(r"^\| ([A-Z]{3}-\d\d) \|(.*)\|$", (CATALOGUE / "defects.md").read_text(), re.MULTILINE))
    oracles = dict(re.findall(r"^\| (O-[A-Z]+\d+) \|(.*)\|$", (CATALOGUE / "oracles.md").read_text(), re.MULTILINE))
    for each in CLASSES.values():
        assert each.defects, each.id
        assert each.meaning, each.id
        assert {*each.defects} <= rows.keys(), each.id
        assert {*each.oracles} <= oracles.keys(), each.id
        for defect in each.defects:
            named = {name for name in each.oracles if name in rows[defect] or defect in oracles[name]}
            assert named, (each.id, defect)
