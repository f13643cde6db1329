"""assay.toml is read whole or refused with the file, the key and the nearest known name; secrets never show."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from assay.errors import UsageError
from assay.profile import Profile, json_schema, load_profile, read_credential

ROOT = Path(__file__).parents[2]
SMALL = """
[systems.stripe]
role = "payments"
host = "api.stripe.com"
credentials = { api_key = "env:STRIPE_API_KEY" }
test_credentials = { api_key = "sk_test_1" }

[environments.local.systems]
stripe = "simulated"
"""
Load = Callable[[str], Profile]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """A function that reads a profile from text."""

    def read(text: str) -> Profile:
        (tmp_path / "assay.toml").write_text(text)
        return load_profile(tmp_path / "assay.toml")

    return read


def test_the_shipped_profile_is_whole() -> None:
    """The reference profile names its environments, each with every system in a mode."""
    profile = load_profile(ROOT / "assay.toml")
    assert set(profile.environments) == {"local", "ci", "staging", "production"}
    for environment in profile.environments.values():
        assert {"merchant", "stripe", "sap_s4hana", "ups", "ecb"} <= set(environment.systems)


def test_an_environment_overrides_what_systems_share(load: Load) -> None:
    """What an environment says of a system wins, the rest comes from [systems]."""
    extra = '[environments.ci.systems.stripe]\nmode = "simulated"\nhost = "eu.stripe.com"\n'
    profile = load(SMALL + extra)
    assert profile.environment("local").systems["stripe"].host == "api.stripe.com"
    assert profile.environment("ci").systems["stripe"].host == "eu.stripe.com"
    assert profile.environment("ci").systems["stripe"].role == "payments"


def test_published_test_values_stay_with_the_simulator(load: Load) -> None:
    """A shared test credential is dropped outside mode simulated, and refused where it is asked for there."""
    sandbox = '[environments.s.systems.stripe]\nmode = "sandbox"\nbase_url = "https://api.stripe.com"\n'
    assert load(SMALL + sandbox).environment("s").systems["stripe"].test_credentials == {}
    with pytest.raises(UsageError, match="test_credentials are for mode 'simulated' alone"):
        load(SMALL + sandbox + 'test_credentials = { api_key = "sk" }\n')


@pytest.mark.parametrize(
    ("old", "new", "said", "hint"),
    [
        ("role =", "rolle =", "unknown key 'rolle'", "did you mean 'role'?"),
        ("[environments", "[enviroments", "unknown key 'enviroments'", "did you mean 'environments'?"),
        ("[systems", "[sistems", "unknown key 'sistems'", "did you mean 'systems'?"),
    ],
)
def test_unknown_key(load: Load, tmp_path: Path, old: str, new: str, said: str, hint: str) -> None:
    """A misspelt key is named first, with the file and the nearest key."""
    with pytest.raises(UsageError) as refused:
        load(SMALL.replace(old, new))
    assert refused.value.message.startswith(said)
    assert refused.value.hint == hint
    assert str(tmp_path / "assay.toml") in str(refused.value.where)


@pytest.mark.parametrize("table", ["policies", "policies.rounding", "policies.freshness", "environments.local.edge"])
def test_unknown_key_at_any_depth(load: Load, table: str) -> None:
    """A key nobody knows is refused in every table, with the place of that table."""
    whole = 'tax_included = true\nlevel = "line"\nmode = "down"\n' if table == "policies.rounding" else ""
    with pytest.raises(UsageError, match="unknown key 'zzz'") as refused:
        load(f"{SMALL}[{table}]\n{whole}zzz = 1\n")
    assert f"{table}.zzz" in str(refused.value.where)


COUPON = "[policies.promotions.coupons.TEN]\nkind = 'percent'\nvalue = '10'\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SMALL.replace('role = "payments"\n', ""), "'role' is missing"),
        (SMALL.replace('"payments"', '"paymants"'), "payments"),
        (SMALL.replace('"simulated"', '"simulatd"'), "simulated"),
        (SMALL.replace('stripe = "simulated"', "stripe = {}"), "has no mode"),
        (SMALL.replace('stripe = "simulated"', 'stripe = "live"'), "is live and needs base_url"),
        (SMALL + "[environments.local]\nproduction = true\n", "production = true, but system 'stripe' is not live"),
        (SMALL + "[policies.freshness]\nerp = 0\n", "greater than 0"),
        (SMALL + "[policies.freshness]\nerp = -5\n", "greater than 0"),
        (
            SMALL + "[policies]\nbase_currency = 'EURO'\n",
            "'EURO' is no ISO 4217 currency in circulation; did you mean 'EUR'",
        ),
        (SMALL + "[policies.rates]\nprice_lists = ['C-302/USDX']\n", "did you mean 'USD'"),
        (SMALL + "[policies.rates]\npegged = ['eur', 'XXQ']\n", "did you mean 'EUR'"),
        (SMALL + "[policies.rates]\nmarkups = { outlet = '-2' }\n", "greater than -1"),
        (SMALL + "[policies.rates]\nspread = '1.5'\n", "less than 1"),
        (SMALL + "[policies.rates]\nsource = 'ebc'\n", "no system 'ebc' of role 'rates'"),
        (
            SMALL + "[policies.promotions]\nfree_shipping_by_currency = { JPY = '99.5' }\n",
            "JPY has 0 decimals, not 99.5",
        ),
        (SMALL + COUPON + "values = { USD = '-1' }\n", "an amount in USD is more than 0, not -1"),
        (SMALL + COUPON.replace("10", "110"), "100 per cent at most, not 110"),
        (SMALL + "[policies.books.currency]\nsap = 'EURO'\n", "did you mean 'EUR'"),
        (SMALL + "[policies.books]\nzone = 'Europe/Pairs'\n", "there is no time zone 'Europe/Pairs'"),
        (SMALL + "[policies.books]\nzone = '../etc'\n", "there is no time zone '../etc'"),
        (SMALL + "[policies.ledger]\nclasses = ['fees']\n", "no kind of balance entry 'fees'; did you mean 'fee'"),
        ("systems = 3\n", "[systems] must hold tables"),
        ("[systems]\nstripe = 'simulated'\n[environments.local]\n", "[systems] must hold tables"),
        ("", "'environments' is missing"),
        ("[environments.local.systems]\nunheard_of = 'simulated'\n", "'role' is missing"),
        ("= 3", "is no TOML"),
        ("a = 1\na = 2\n", "is no TOML"),
        ("environments = 3\n", "environments"),
        ("[environments]\nlocal = 3\n", "environments.local"),
    ],
)
def test_refused(load: Load, tmp_path: Path, text: str, said: str) -> None:
    """What a profile cannot mean is a UsageError that says so and names the file, never another exception."""
    with pytest.raises(UsageError) as refused:
        load(text)
    assert said in str(refused.value)
    assert str(tmp_path / "assay.toml") in str(refused.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """A profile that is no UTF-8 is refused as any other that is no TOML."""
    (tmp_path / "assay.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(UsageError, match="is no TOML"):
        load_profile(tmp_path / "assay.toml")


def test_no_profile(tmp_path: Path) -> None:
    """A profile that is not there is named, with how to name another."""
    with pytest.raises(UsageError, match="there is no") as refused:
        load_profile(tmp_path / "assay.toml")
    assert "--profile" in str(refused.value.hint)


@pytest.mark.parametrize("key", ["credentials", "test_credentials"])
def test_a_secret_in_the_profile_is_never_repeated(load: Load, key: str) -> None:
    """A secret written into the file, or into the wrong place, does not show in the error."""
    secret = "sk_live_51Habcdef"
    texts = [
        SMALL.replace('"env:STRIPE_API_KEY"', f'"{secret}"'),
        SMALL.replace(f"\n{key} =", f"\n{key}_ =").replace('"sk_test_1"', f'"{secret}"'),
        SMALL.replace(f"\n{key} = {{", f'\n{key} = "{secret}" #'),
        SMALL.replace(f"\n{key} = {{ api_key =", f'\n{key} = {{ api_key = ["{secret}"] }} # {{ x ='),
    ]
    for text in texts:
        assert secret in text
        with pytest.raises(UsageError) as refused:
            load(text)
        assert secret not in str(refused.value)


def test_unknown_environment(load: Load) -> None:
    """An environment nobody declared is refused with the nearest name and the file."""
    with pytest.raises(UsageError, match="no environment 'lokal'") as refused:
        load(SMALL).environment("lokal")
    assert refused.value.hint == "did you mean 'local'?"


def test_credentials_are_read_by_name(tmp_path: Path) -> None:
    """A secret comes from the named variable or file, without the line end; an empty or absent one is none."""
    (tmp_path / "secret").write_text("s3cret\n")
    assert read_credential("env:A", environment={"A": "x"}) == "x"
    assert read_credential("env:A", environment={"A": ""}) is None
    assert read_credential("env:A", environment={}) is None
    assert read_credential(f"file:{tmp_path / 'secret'}") == "s3cret"
    assert read_credential(f"file:{tmp_path / 'none'}") is None


def _accepts(raw: dict[str, Any]) -> bool:
    return bool(jsonschema_rs.validator_for(json_schema()).is_valid(raw))


def test_the_schema_for_editors_knows_the_shipped_profile() -> None:
    """The JSON Schema is one, is JSON, and marks no key of our own profile as wrong."""
    schema = json.loads(json.dumps(json_schema()))
    jsonschema_rs.meta.validate(schema)
    raw = tomllib.loads((ROOT / "assay.toml").read_text())
    assert _accepts(raw)


def test_a_misspelt_system_is_suggested(load: Load) -> None:
    """An environment that names a system nobody declared is told the nearest one that is declared."""
    with pytest.raises(UsageError) as refused:
        load(SMALL.replace('stripe = "simulated"', 'stirpe = "simulated"'))
    assert "did you mean 'stripe'?" in str(refused.value)


def test_the_schema_for_editors_refuses_unknown_keys() -> None:
    """The schema forbids what the profile forbids."""
    raw = tomllib.loads(SMALL)
    assert _accepts(raw)
    assert not _accepts({**raw, "zzz": 1})
    assert not _accepts({**raw, "environments": {"local": {"systems": {"stripe": "simulatd"}}}})
    assert not _accepts({**raw, "systems": {"stripe": {**raw["systems"]["stripe"], "hots": "x"}}})


def test_nobody_assumes_a_base_currency(tmp_path: Path) -> None:
    """A profile that names none has none: what asks for it is not evaluated instead of judged in euros."""
    (tmp_path / "assay.toml").write_text(SMALL)
    assert load_profile(tmp_path / "assay.toml").policies.base_currency is None
