"""`assay prune` removes what is older than the profile keeps, by environment, wherever the store is."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.events import RunStarted
from assay.store import Store, open_store
from tests.conftest import Project

ENVIRONMENT = '\n[environments.other.systems]\necb = "simulated"\n'


def filled(where: Path | str, *ages_d: int, environment: str = "local") -> None:
    """Keep a run of each age, and an old order that is still to be taken back."""
    store = open_store(where)
    now = datetime.now(UTC)
    for age in ages_d:
        record = store.recorder(environment)
        began = now - timedelta(days=age)
        run_id = f"{environment}-{age}"
        record(
            RunStarted(
                run_id=run_id, environment=environment, started_at=began, runner="run", view="forward_proxy", seed=1,
                commit=None, version="0", planned=1,
            )
        )  # fmt: skip
    old = now - timedelta(days=900)
    store.intents.add(
        environment=environment, run_id="x", scope="", system="shop", kind="order", marker="m", verb="cancel",
        arguments={}, ref=None, holder="h:1:1", created_at=old, until=old,
    )  # fmt: skip
    store.close()


def kept(where: Path | str, environment: str = "local") -> list[str]:
    """Return the runs a store holds; the intent that is not settled must be among what stays."""

    def read(store: Store) -> list[str]:
        assert len(store.intents.unsettled(environment)) == 1
        return [each.started.run_id for each in store.runs(environment)]

    store = open_store(where)
    try:
        return read(store)
    finally:
        store.close()


def own_store(project: Project, environment: str = "local") -> Path:
    """Return where an environment's own store is."""
    return project.path / ".assay" / environment / "store.sqlite"


@pytest.mark.parametrize(
    ("line", "options", "left"),
    [
        ("", (), ["local-1", "local-20"]),
        ("keep_days = 10", (), ["local-1"]),
        ("keep_days = 10", ("--older-than", "5w"), ["local-1", "local-20"]),
        ("", ("--older-than", "21d"), ["local-1", "local-20"]),
        ("", ("--older-than", "0d"), []),
    ],
    ids=["30 days by default", "the profile says", "the option wins", "days", "all"],
)
def test_what_is_older_goes(project: Project, line: str, options: tuple[str, ...], left: list[str]) -> None:
    """Runs older than --older-than, else than the profile's keep_days, else than 30 days, are removed and counted."""
    project.profile.write_text(f"{project.profile.read_text()}\n[store]\n{line}\n")
    filled(own_store(project), 1, 20, 40)
    done = project.type("prune", *options)
    assert done.returncode == 0, done.stderr
    assert f"{3 - len(left)} runs removed" in done.stdout
    assert kept(own_store(project)) == left


def test_one_environment_leaves_the_others_alone(project: Project, tmp_path: Path) -> None:
    """With --env only that environment's results go, though a store is shared; without, those of all go."""
    shared = project.path / "history" / "all.sqlite"
    project.profile.write_text(f'{project.profile.read_text()}{ENVIRONMENT}\n[store]\nurl = "history/all.sqlite"\n')
    for environment in ("local", "other"):
        filled(shared, 40, environment=environment)
    done = project.type("prune", "--env", "other", "--json")
    assert json.loads(done.stdout)["removed"]["other"]["runs"] == 1
    assert (kept(shared), kept(shared, "other")) == (["local-40"], [])
    assert set(json.loads(project.type("prune", "--json").stdout)["removed"]) == {"local", "other"}
    assert kept(shared) == []


def test_the_store_is_named_by_a_variable(project: Project, address: Path | str) -> None:
    """The profile names the variable that holds the store's address, SQLite or PostgreSQL; unset, it is said which."""
    project.profile.write_text(f'{project.profile.read_text()}\n[store]\nurl = "env:HISTORY"\n')
    refused = project.type("prune", env={"HISTORY": None})
    assert refused.returncode == 2
    assert "env:HISTORY, which is not set" in refused.stderr
    filled(address, 40)
    done = project.type("prune", env={"HISTORY": str(address)})
    assert "1 runs removed" in done.stdout, done.stderr
    assert kept(address) == []


def test_where_there_is_no_store_there_is_nothing(project: Project) -> None:
    """Nothing is made where nothing was ever kept."""
    done = project.type("prune")
    assert (done.returncode, "nothing removed" in done.stdout) == (0, True)
    assert not own_store(project).exists()


@pytest.mark.parametrize("age", ["30", "soon", "-3d", "36h", "99999999999d"])
def test_an_age_that_is_none_is_refused(project: Project, age: str) -> None:
    """What is no span of whole days is exit 2, with one that is."""
    done = project.type("prune", f"--older-than={age}")
    assert done.returncode == 2
    assert "30d" in done.stderr or "30m" in done.stderr


@pytest.mark.parametrize("environment", ["locl", "production"])
def test_an_unknown_environment_is_refused(project: Project, environment: str) -> None:
    """A misspelt environment is exit 2 and nothing is removed."""
    filled(own_store(project), 40)
    assert project.type("prune", "--env", environment).returncode == 2
    assert kept(own_store(project)) == ["local-40"]


def test_no_password_stands_in_the_profile(new_project: Callable[[], Project]) -> None:
    """An address in the profile is refused and never repeated, whatever command reads it."""
    project = new_project()
    project.profile.write_text(f'{project.profile.read_text()}\n[store]\nurl = "postgresql://me:hunter2@db/assay"\n')
    done = project.type("prune")
    project.profile.write_text("")
    assert done.returncode == 2
    assert "hunter2" not in done.stderr
    assert "env:VARIABLE" in done.stderr
