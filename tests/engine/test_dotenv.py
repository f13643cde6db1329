"""Secrets in a `.env` file: taken where the environment is silent, refused where git would publish them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from assay import dotenv
from assay.errors import UsageError
from assay.local.project import find
from assay.profile import read_credential
from tests.conftest import Project


def test_env_file_speaks_where_the_environment_is_silent(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential `env:NAME` is read from `.env` beside assay.toml unless the environment sets NAME."""
    (project.path / ".env").write_text("# mine\nexport STRIPE_API_KEY='sk_test_file'\nSTRIPE_WEBHOOK_SECRET=w # note\n")
    find(project.profile)
    assert read_credential("env:STRIPE_API_KEY") == "sk_test_file"
    assert read_credential("env:STRIPE_WEBHOOK_SECRET") == "w"
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_shell")
    assert read_credential("env:STRIPE_API_KEY") == "sk_test_shell"
    (project.path / ".env").unlink()
    find(project.profile)
    assert read_credential("env:STRIPE_WEBHOOK_SECRET") is None


def test_a_tracked_env_file_is_refused(project: Project) -> None:
    """Where git tracks `.env` every command ends with 2 and says how to take it out; ignored, it is read."""
    (project.path / ".env").write_text("STRIPE_API_KEY=sk_test_secret\n")
    git = ["git", "-C", str(project.path)]
    subprocess.run([*git, "init", "-q"], check=True)
    assert project.type("status", "--json").returncode == 3
    subprocess.run([*git, "add", "-f", ".env"], check=True)
    refused = project.type("status")
    assert refused.returncode == 2
    assert "git tracks .env" in refused.stderr
    assert "git rm --cached .env" in refused.stderr
    assert "sk_test_secret" not in refused.stderr


def test_a_line_that_is_none_is_named_and_not_shown(tmp_path: Path) -> None:
    """A line without a name is refused with file and number; what stands in it may be a secret and is not repeated."""
    (tmp_path / ".env").write_text("A=1\nsk_live_whatever\n")
    with pytest.raises(UsageError) as refused:
        dotenv.read(tmp_path / ".env")
    assert f"{tmp_path / '.env'}:2" in str(refused.value)
    assert "sk_live" not in str(refused.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('proxy = "http://anna:secret@proxy.example:3128"', "a user and password may not stand"),
        ('proxy = "proxy.example:3128"', "http://host:port"),
        ('edge = { proxy = "https://proxy.example" }', "http://host:port"),
    ],
)
def test_a_proxy_is_an_address_without_secrets(project: Project, line: str, said: str) -> None:
    """A company's proxy is `http://host:port`; anything else is refused with the form, without repeating a password."""
    with project.profile.open("a") as profile:
        profile.write(f"[environments.local]\n{line}\n")
    refused = project.type("profile", "check")
    assert refused.returncode == 2
    assert said in refused.stderr
    assert "secret" not in refused.stderr


def test_a_system_of_role_other_needs_a_host_alone(project: Project) -> None:
    """A system nobody wrote code for is declared by role other and host; without a host it is refused."""
    with project.profile.open("a") as profile:
        profile.write('search = "live"\n[systems.search]\nrole = "other"\nhost = "search.example"\n')
    told = json.loads(project.type("profile", "check", "--json").stdout)
    assert told["environments"]["local"]["systems"]["search"]["host"] == "search.example"
    project.change('host = "search.example"\n', "")
    assert "has no host" in project.type("profile", "check").stderr
