"""Where an order first went wrong, on the reference landscape, whose edge keeps a journal of every call."""

from __future__ import annotations

import html
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from assay.cli import cli
from tests.engine.drift.shipped_rig import Stage, staged

pytestmark = [pytest.mark.needs_java, pytest.mark.full, pytest.mark.xdist_group("hops_live")]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The reference landscape, in a folder of its own."""
    with staged(tmp_path_factory.mktemp("hops")) as up:
        up.buy("EUR")
        up.rest(minutes=1)  # a side without any record is an outage, and no loss
        yield up


@pytest.mark.parametrize(
    ("defect", "more", "first", "word"),
    [
        ("ERP-12", {"name": "山田 太郎"}, ("merchant to sap_s4hana", "answer of sap_s4hana"), "lost after"),
        ("ORD-30", {}, ("merchant to sap_s4hana",), "it was created 3 times"),
        ("ERP-03", {}, ("answer of sap_s4hana", "merchant to sap_s4hana", "sap_s4hana"), "after merchant"),
    ],
)
def test_the_first_wrong_station_of_a_real_order(
    stage: Stage, defect: str, more: dict[str, Any], first: tuple[str, ...], word: str
) -> None:
    """With a defect the order's way names the station; both instants, the export and the page say the same."""
    stage.switch(on=(defect,))
    try:
        number = stage.shop.order(stage.buy("EUR", ("0018", 2), **more)).number
        stage.rest(minutes=50)
    finally:
        stage.switch(off=(defect,))
    files = {name: stage.folder / f"out.{name}" for name in ("jsonl", "html")}
    found = stage.compare("orders", *(f"--{name}={file}" for name, file in files.items()))
    (wrong,) = [each for each in found["differences"] if each["key"] == [number]]
    way = wrong["way"]
    assert way is not None, wrong
    sys.stdout.write(f"{defect}: {json.dumps(way, indent=1, ensure_ascii=False)}\n")
    assert way["first"] in first and word in way["sentence"]
    assert wrong["left_placed"] and (wrong["right"] is None or wrong["right_placed"])
    lines = [json.loads(line) for line in files["jsonl"].read_text(encoding="utf-8").splitlines()]
    assert way in [each["way"] for each in lines]
    assert way["sentence"] in html.unescape(files["html"].read_text(encoding="utf-8"))
    said = _explained(stage.folder, number)
    assert way["sentence"] in said and f"> {'gone' if 'lost' in way['sentence'] else 'wrong'}" in said


def test_nobody_is_asked_where_nobody_may(stage: Stage) -> None:
    """With --hops 0 no system is asked beyond the two that are compared."""
    assert not [each for each in stage.compare("orders", "--hops", "0")["differences"] if each["way"]]


def _explained(folder: Path, number: str) -> str:
    profile = str(folder / "assay.toml")
    done = CliRunner().invoke(cli, ["drift", "explain", "orders", number, "--env", "local", "--profile", profile])
    assert done.exit_code == 1, done.output
    sys.stdout.write(done.stdout)
    return done.stdout
