"""`assay contracts check`: what it finds, what it excuses, and whom it never asks."""

from __future__ import annotations

import json
import subprocess
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from assay.contracts.results import Failed
from assay.errors import UsageError
from assay.runners.conformance.known import read_known
from tests.conftest import run_assay, type_assay
from tests.engine.contracts.toy_system import make
from tests.serving import Quiet, serving

KNOWN = """\
[[failure]]
operation = "GET /things/{id}"
check = "response_schema_*"
owner = "toys"
reason = "the word is being changed"
until = 2999-12-31

[[failure]]
operation = "POST /things"
check = "*"
owner = "toys"
reason = "nobody hurries"
until = 2020-01-01

[[failure]]
operation = "DELETE *"
check = "*"
owner = "toys"
reason = "mended long ago"
until = 2999-12-31
"""


def check(folder: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Check the toy and return the exit code and what came of it."""
    done = run_assay("contracts", "check", "toy", "--json", "--examples", "5", *options, cwd=folder)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["systems"][0]


def refused(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a check that asks nobody."""
    return type_assay("contracts", "check", *options, cwd=folder)


def test_seeded_faults_are_found_excused_and_overdue(tmp_path: Path) -> None:
    """A wrong enum, an undocumented status and a new field are seen; an entry excuses until its day, and no longer."""
    folder = make(tmp_path, faulty=True)
    (folder / "mocks" / "toy" / "known_failures.toml").write_text(KNOWN)
    code, found = check(folder)
    assert code == 1
    failed = {
        (each["operation"], failure["check"], failure["status"]): failure
        for each in found["operations"]
        for failure in each["failed"]
    }
    enum = failed["GET /things/{id}", "response_schema_conformance", 200]
    assert "brand-new" in enum["message"] and enum["known"].startswith("toys: the word is being changed")
    overdue = failed["POST /things", "status_code_conformance", 422]
    assert "was excused until 2020-01-01" in overdue["message"] and not overdue["known"]
    assert overdue["repeat"].startswith("curl -X POST")
    new = failed["GET /things/{id}", "undocumented_field", 200]
    assert "colour" in new["message"] and new["known"].startswith("additive")
    assert [each["operation"] for each in found["no_longer_failing"]] == ["DELETE *"]
    assert (found["answered"], found["documented"], found["covered"], found["provoked"]) == (3, 7, 7, 1)


class _Shop(Quiet):
    """A sandbox that answers everything, and remembers what it was asked."""

    asked: list[tuple[str, str, str]]

    def do_GET(self) -> None:
        """Answer as the contract has it."""
        self.answer(200, {"id": "1", "name": "ball", "state": "new", "colour": "red"})

    def do_POST(self) -> None:
        """Answer as the contract has it."""
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.answer(201, {"id": "1", "name": "ball", "state": "new"})

    def do_DELETE(self) -> None:
        """Answer as the contract has it."""
        self.answer(204, None)

    def answer(self, status: int, content: object) -> None:
        """Remember and answer."""
        self.asked.append((self.command, self.path, self.headers.get("X-Assay-Fault", "")))
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_a_system_that_is_not_ours_keeps_what_it_has(tmp_path: Path) -> None:
    """At a sandbox nothing is deleted, no fault is asked for, no odd method sent, and the same seed asks the same."""
    folder, runs, drawn = make(tmp_path), [], set()
    for _ in range(2):
        asked: list[tuple[str, str, str]] = []
        handler: type[BaseHTTPRequestHandler] = type("Handler", (_Shop,), {"asked": asked})
        with serving(handler) as address:
            options = ("--base-url", address, "--per-second", "1000", "--env", "staging")
            _, found = check(folder, *options)
        runs.append(asked)
        drawn.add((found["seed"], found["drawn"]))
    assert {method for method, _, _ in runs[0]} == {"GET", "POST"}
    assert {fault for _, _, fault in runs[0]} == {""}
    assert runs[0] == runs[1]
    assert len(drawn) == 1
    assert found["simulated"] is False
    news = [failed for each in found["operations"] for failed in each["failed"] if "colour" in failed["message"]]
    assert [each["known"][:8] for each in news] == ["additive"]


@pytest.mark.full
def test_what_is_drawn_is_the_seeds_alone(tmp_path: Path) -> None:
    """Neither modules loaded beside it nor what another run left behind change what a seed asks; another seed does."""
    folder, beside = make(tmp_path), tmp_path / "beside"
    beside.mkdir()
    words = [f"beside {number}" for number in range(200)]
    (beside / "sitecustomize.py").write_text(f"import loaded\nWORDS = {words}\n")
    (beside / "loaded.py").write_text(f"NUMBERS = {list(range(10_000, 10_200))}\n")

    def drawn(seed: int, path: str | None) -> str:
        done = run_assay(
            "contracts", "check", "toy", "--json", "--seed", str(seed), cwd=folder, env={"PYTHONPATH": path}
        )
        found = json.loads(done.stdout)["systems"][0]
        assert found["seed"] == seed
        return str(found["drawn"])

    assert drawn(1, None) == drawn(1, str(beside)) != drawn(2, None)
    assert not [each for each in folder.rglob("*") if each.name in ("constants", ".schemathesis")]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("toy", "--env", "production"), "is production"),
        (("--env", "production"), "is production"),
        (("toy", "--env", "later"), "is live"),
        (("toy", "--base-url", "https://toy.example/v2"), "toy.example is production"),
    ],
)
def test_production_is_refused(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    """No generated request goes to production, by whichever name it is called: exit 4."""
    done = refused(make(tmp_path), *options)
    assert (done.returncode, words in done.stderr) == (4, True), done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("toyy",), "did you mean 'toy'?"),
        (("toy", "--operation", "GET /thing/{id}"), "did you mean 'GET /things/{id}'?"),
        (("toy", "--base-url", "toy"), "no base URL"),
        (("--examples", "0"), "--examples"),
    ],
)
def test_wrong_use_says_what_is_meant(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    """A system or operation nobody has, no base URL and no examples are wrong use: exit 2."""
    done = refused(make(tmp_path), *options)
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("contract.yaml", "openapi: 3.1.0\npaths: [", "is no YAML"),
        ("contract.yaml", '{"swagger": "2.0", "paths": {"/a": {}}}', "OpenAPI document"),
        ("known_failures.toml", "[[failure]]\noperation = 'x'\ncheck = 'y'\nreason = 'z'\nuntil = 2027-01-01", "owner"),
        ("known_failures.toml", KNOWN.replace("2020-01-01", "'soon'"), "until is a day"),
        ("known_failures.toml", KNOWN.replace("owner", "ower"), "did you mean 'owner'?"),
        ("requests.yaml", "steps:\n  - call: GET /thing", "did you mean"),
        ("requests.yaml", "steps:\n  - cal: GET /things", "did you mean 'call'?"),
        ("requests.yaml", "steps:\n  - {}", "must do something"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, file: str, content: str, words: str) -> None:
    """A file that cannot be read is named with the entry that is wrong and what was expected: exit 2."""
    folder = make(tmp_path)
    (folder / "mocks" / "toy" / file).write_text(content)
    done = refused(folder, "toy")
    assert (done.returncode, words in done.stderr, file in done.stderr) == (2, True, True), done.stderr


def test_a_failure_is_excused_to_the_end_of_its_last_day(tmp_path: Path) -> None:
    """On the day itself an entry excuses; on the next it does not."""
    from datetime import date

    file = tmp_path / "known_failures.toml"
    file.write_text(KNOWN.replace("2020-01-01", "2026-11-23"))
    failed = Failed(check="status_code_conformance", status=422, message="seen", repeat="curl")
    assert read_known(file, today=date(2026, 11, 23)).excuse("POST /things", failed).known
    assert not read_known(file, today=date(2026, 11, 24)).excuse("POST /things", failed).known
    with pytest.raises(UsageError, match="is no TOML"):
        file.write_text("failure = [")
        read_known(file, today=date(2026, 11, 23))
