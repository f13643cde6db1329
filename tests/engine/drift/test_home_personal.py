"""What extraction keeps of the reference shop's customers: hashes where equality matters, and nothing else of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from pyarrow import parquet

from assay.cli import cli
from tests.engine.drift.shipped_rig import Stage, staged

pytestmark = [pytest.mark.needs_java, pytest.mark.full, pytest.mark.xdist_group("home_personal")]
PEOPLE = {"ada.lovelace@example.com": "Ada Lovelace", "grete.hermann@example.com": "Grete Hermann"}
PAIR = """
[pairs.{name}]
about = "What the shop lists, held against itself: who bought is compared, and nobody is kept"
[pairs.{name}.left]
system = "merchant"
source = {{ kind = "listing", listing = "orders", {personal} }}
key = "number"
[pairs.{name}.right]
system = "merchant"
source = {{ kind = "listing", listing = "orders", {personal} }}
key = "number"
[pairs.{name}.fields]
{column} = {{ kind = "identifier" }}
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The reference landscape, where two people bought twice."""
    with staged(tmp_path_factory.mktemp("personal")) as up:
        for email, name in PEOPLE.items():
            for _ in range(2):
                up.buy("EUR", email=email, name=name)
        up.rest(minutes=5)
        yield up


def typed(stage: Stage, *words: str) -> str:
    """Run a command as a user does, and return what it prints."""
    done = CliRunner().invoke(cli, [*words, "--env", "local", "--profile", str(stage.folder / "assay.toml"), "--json"])
    assert done.exit_code in (0, 1), done.output
    return done.stdout


def test_no_email_of_a_customer_is_in_the_home_after_extracting(stage: Stage) -> None:
    """Neither the shipped listings nor one that compares addresses leave a name or an address there, or on screen."""
    file = stage.folder / "monitors" / "drift" / "own.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(PAIR.format(name="who_bought", personal='hashed = ["email", "customer_name"]', column="email"))
    before = contents(stage.folder)
    said = typed(stage, "drift", "extract") + typed(stage, "drift", "records", "who_bought", "orders")
    after = {place: told for place, told in contents(stage.folder).items() if before.get(place) != told}
    assert any(place.suffix == ".parquet" for place in after)
    everything = {**after, Path("the screen"): said.encode()}
    for person in (*PEOPLE, *PEOPLE.values()):
        # What was bought is in the simulators' state before; nothing says more of it afterwards.
        one = person.encode()
        holding = [str(each) for each, told in everything.items() if told.count(one) > before.get(each, b"").count(one)]
        assert holding == [], person
    landed = list(stage.folder.rglob("landed/merchant-orders/*/*.parquet"))
    rows = [row for place in landed for row in parquet.read_table(place).to_pylist() if row.get("email")]
    assert len({row["email"] for row in rows}) == len(PEOPLE)  # equal where it was equal, and only there
    assert {len(row["email"]) for row in rows} == {32}


def contents(folder: Path) -> dict[Path, bytes]:
    """Return what all files of the home say that `assay drift` may write; Parquet unpacked, for it is compressed."""
    found: dict[Path, bytes] = {}
    for place in (folder / ".assay").rglob("*"):
        if place.is_file() and not place.name.endswith(("-wal", "-shm")):
            told = dumped(place) if place.name == "store.sqlite" else place.read_bytes()
            if place.suffix == ".parquet":
                told += json.dumps(parquet.read_table(place).to_pylist(), default=str, ensure_ascii=False).encode()
            found[place] = told
    return found


def dumped(place: Path) -> bytes:
    """Return what a store says, row by row, but for the edge's journal, which goes on with the platform's calls."""
    with closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as store:
        return "\n".join(each for each in store.iterdump() if not each.startswith('INSERT INTO "calls"')).encode()
