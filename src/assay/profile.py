"""`assay.toml` as typed values: environments, systems, policies. Unknown keys are errors with a suggestion.

Systems are declared once under ``[systems.ID]`` and may be changed under ``[environments.NAME.systems.ID]``; what an
environment says wins. Secrets never stand in the file: a credential is ``env:NAME`` or ``file:PATH``.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator

from assay import dotenv, rounding
from assay.errors import UsageError, did_you_mean
from assay.profile_documents import DocumentPlace
from assay.profile_money import Amounts, Currency, EntryKinds, Markup, PricedByHand, Zone, check_percent
from assay.profile_watch import Alerts, Monitoring, Table

FILE_NAME = "assay.toml"
Mode = Literal["stub", "simulated", "recorded", "sandbox", "live"]
View = Literal["forward_proxy", "base_url", "witness"]
VIEWS: Mapping[str, str] = {
    "forward_proxy": "forward proxy: the platform keeps its vendors' addresses",
    "base_url": "base URL: the platform calls the edge by address",
    "witness": "witness only: no edge, no journal",
}
Role = Literal[
    "shop", "payments", "erp", "wms", "carrier", "crm", "marketing", "marketplace", "punchout", "identity", "rates",
    "other",
]  # fmt: skip
Seconds = Annotated[float, Field(gt=0)]


class Rounding(Table):
    """How the shop rounds: what every composition of a total is held against."""

    tax_included: bool
    level: Literal["unit", "line", "rate", "total"]
    mode: Literal["half_up", "half_even", "down"]
    scale: int | None = Field(None, ge=0, le=8, description="decimals; the currency's own when absent")
    cash: dict[str, str] = Field(default_factory=dict, description="cash rounding step by currency, e.g. CHF = '0.05'")

    @model_validator(mode="after")
    def _composable(self) -> Rounding:
        try:
            self.policy()
        except UsageError as error:
            raise ValueError(f"{error.message} (seen {error.seen})") from None
        return self

    def policy(self) -> rounding.Rounding:
        """Return the policy as the value that `assay.rounding` composes totals with."""
        plain = rounding.Rounding(tax_included=self.tax_included, level=self.level, mode=self.mode, scale=self.scale)
        return plain.with_cash(self.cash)


class Freshness(Table):
    """How long each kind of system may take until a change is visible in it, in seconds of the landscape's clock."""

    shop: Seconds = 5
    payments: Seconds = 10
    erp: Seconds = 300
    carrier: Seconds = 3600
    rates: Seconds = 90_000


class RatePolicy(Table):
    """How prices in other currencies than the base currency come about."""

    max_age_days: float | None = Field(None, gt=0, description="the oldest published rate that may price anything")
    markup: Markup = Field(Decimal(0), description="on converted prices; 0.02 is 2 %")
    price_lists: PricedByHand = Field(
        (), description="what is priced by hand, never converted: a currency, or SKU/currency"
    )
    source: str | None = Field(None, description="the system whose rates price everything, where there are several")
    stores: dict[str, str] = Field(default_factory=dict, description="store = 'system', where its source is another")
    markups: dict[str, Markup] = Field(default_factory=dict, description="store = '0.02', where its markup is another")
    margin_floor: Decimal | None = Field(
        None, ge=0, description="no price falls below cost x (1 + floor); 0.10 is 10 %; needs costs"
    )
    costs: dict[str, Annotated[Decimal, Field(ge=0)]] = Field(
        default_factory=dict, description="what an article costs the shop, in the base currency, by SKU"
    )
    spread: Decimal = Field(Decimal(0), ge=0, lt=1, description="of buying and selling rates; 0.006 is 0.6 %")
    both_directions: bool = Field(False, description="whether the shop needs every rate in both directions")
    pegged: tuple[Currency, ...] = Field((), description="currencies worth exactly one of the base currency")


class Coupon(Table):
    """What a coupon takes off the goods."""

    kind: Literal["fixed", "percent"]
    value: Decimal = Field(gt=0, description="an amount of the base currency, or per cent")
    values: Amounts = Field(
        default_factory=dict, description="a fixed amount by currency, where it is not the converted one"
    )
    goods_from: Decimal | None = Field(None, gt=0, description="goods it needs at least, in the base currency")
    goods_from_by_currency: Amounts = Field(
        default_factory=dict, description="the same by currency, where it is not the converted amount"
    )
    limit: int | None = Field(None, ge=1, description="how often it may be used by all customers together")

    @model_validator(mode="after")
    def _at_most_all(self) -> Coupon:
        check_percent(self.kind, self.value)
        return self


class PromotionPolicy(Table):
    """What the shop gives away, and from when on; what is not declared here is not judged."""

    coupons: dict[str, Coupon] = Field(default_factory=dict, description="by code")
    free_shipping_from: Decimal | None = Field(
        None, gt=0, description="goods that ship free at the shop's own prices, in the base currency"
    )
    free_shipping_by_currency: Amounts = Field(
        default_factory=dict, description="the same by currency, where it is not the converted amount"
    )


class RefundPolicy(Table):
    """What may be kept of a refund, or given beyond it."""

    reasons: tuple[str, ...] = Field(
        (), description="words in a refund's reason by which it may be another amount than its lines', e.g. restocking"
    )


class LedgerPolicy(Table):
    """What the books of gateways, bank and ERP are held against."""

    limit_days: int | None = Field(None, ge=0, description="how long a line may stay without its counterpart")
    classes: EntryKinds = Field(
        None, description="kinds of balance entries that belong to no order: fee, payout, reserve, adjustment …"
    )


class ShippingPolicy(Table):
    """What sending costs and weighs."""

    services: tuple[str, ...] = Field((), description="services priced from the shop's own table")
    prices: tuple[Decimal, ...] = Field((), description="that table, in the base currency")
    packaging_g: int | None = Field(None, ge=0, description="what an empty parcel weighs")


class BookPolicy(Table):
    """How the ERP books."""

    currency: dict[str, Currency] = Field(
        default_factory=dict, description="system = 'EUR', where not the order's currency"
    )
    zone: Zone = Field(None, description="IANA time zone of document dates, e.g. Europe/Paris")


class StockPolicy(Table):
    """How stock is held."""

    reservation_ttl_s: Seconds | None = Field(None, description="how long units are held without an order")


class Policies(Table):
    """What 'correct' means for this shop; an oracle whose policy is absent is not evaluated."""

    base_currency: Currency | None = Field(None, description="what the shop's own prices and reports are in, e.g. EUR")
    rounding: Rounding | None = None
    freshness: Freshness = Freshness()
    rates: RatePolicy = RatePolicy()
    shipping: ShippingPolicy = ShippingPolicy()
    books: BookPolicy = BookPolicy()
    stock: StockPolicy = StockPolicy()
    promotions: PromotionPolicy = PromotionPolicy()
    refunds: RefundPolicy = RefundPolicy()
    ledger: LedgerPolicy = LedgerPolicy()
    state_ttl_s: dict[str, Seconds] = Field(
        default_factory=dict, description="how long an order may stay in a state that is not its last, in seconds"
    )
    confirms_unpaid: bool = Field(False, description="whether an order may be confirmed before its money is authorised")


class System(Table):
    """One outside product, or the platform itself (role ``shop``).

    One of role ``other`` is passed through the edge, with journal and faults, and never read: a host is enough.
    """

    role: Role
    mode: Mode | None = None
    host: str | None = Field(None, description="the vendor's host the platform calls, e.g. api.stripe.com")
    hosts: tuple[str, ...] = Field((), description="further hosts of the same vendor")
    base_url: str | None = Field(None, description="where witnesses read it (sandbox, live, or your own shop)")
    credentials: dict[str, str] = Field(default_factory=dict, description="name = 'env:VARIABLE' or 'file:PATH'")
    test_credentials: dict[str, str] = Field(
        default_factory=dict, description="published values our simulator accepts; refused outside mode 'simulated'"
    )
    port: int = Field(0, ge=0, le=65535, description="port of the simulator; 0 takes a free one")
    settings: dict[str, Any] = Field(default_factory=dict, description="settings of the simulator or merchant")
    logs: tuple[str, ...] = Field((), description="files it writes, searched for card data; 'logs/*.log' from here")
    webhook: str | None = Field(
        None,
        pattern="^(/|none$)",
        description="path of your shop that takes this vendor's webhooks, or 'none'; /webhooks/ID by default",
    )
    contract: str | None = Field(None, description="what you use of the vendor: an OpenAPI document of your project")
    documents: tuple[DocumentPlace, ...] = Field((), description="the vendor's own documents: files, https addresses")

    @field_validator("credentials")
    @classmethod
    def _by_name(cls, value: dict[str, str]) -> dict[str, str]:
        for name, source in value.items():
            if not source.startswith(("env:", "file:")):
                # The value is never repeated: it may be the secret itself.
                raise ValueError(f"credential '{name}' must be 'env:VARIABLE' or 'file:PATH', never the secret itself")
        return value

    @property
    def all_hosts(self) -> tuple[str, ...]:
        """Every host of the vendor that the platform may call."""
        return ((self.host,) if self.host else ()) + self.hosts


class Edge(Table):
    """The WireMock process between the platform and everything outside."""

    port: int = Field(0, ge=0, le=65535, description="HTTP port; 0 takes a free one")
    journal: bool = Field(True, description="false: load mode, no journal; its oracles are not evaluated")
    proxy: str | None = Field(None, description="the company's proxy, by which the edge reaches sandbox and live hosts")
    bind: str | None = Field(None, description="address of this machine at which a platform in a container is let in")
    allow: tuple[str, ...] = Field((), description="networks that are let in there, such as 172.17.0.0/16")

    @field_validator("proxy")
    @classmethod
    def _reachable(cls, value: str | None) -> str | None:
        return _proxy_address(value)

    @model_validator(mode="after")
    def _let_in(self) -> Edge:
        for network in self.allow:
            try:
                ip_network(network)
            except ValueError as error:
                raise ValueError(f"allow: {error}; write for example 172.17.0.0/16") from None
        if self.bind is None:
            return self
        try:
            address = ip_address(self.bind)
        except ValueError:
            raise ValueError(f"bind is an address of this machine such as 172.17.0.1, not '{self.bind}'") from None
        if address.is_unspecified or address.is_loopback:
            raise ValueError(f"bind = '{self.bind}': name the one address at which your containers see this machine")
        if not self.allow:
            raise ValueError("bind needs allow = ['NETWORK/BITS']: whoever is let in can call through the edge")
        return self


class Safety(Table):
    """What makes a synthetic order in production harmless; without all of it nothing is written there."""

    skus: tuple[str, ...] = Field(min_length=1, description="articles a synthetic order may hold")
    customers: tuple[str, ...] = Field(min_length=1, description="e-mail addresses of test customers")
    orders_per_hour: int = Field(ge=1, description="the most synthetic orders in any hour")
    money_per_hour: dict[str, Decimal] = Field(min_length=1, description="the most spent in an hour, by currency")
    kill_switch: str = Field(description="'env:VARIABLE' (on unless empty, 0, off, no or false) or 'file:PATH'")
    payment: Literal["account", "voucher", "card", "none"] = Field(description="how a synthetic order is paid")

    @field_validator("kill_switch")
    @classmethod
    def _kinds(cls, value: str) -> str:
        if not value.startswith(("env:", "file:")):
            raise ValueError("kill_switch must be 'env:VARIABLE' or 'file:PATH'")
        return value


class Environment(Table):
    """One landscape: the systems in their modes, and how the platform is seen."""

    production: bool = False
    view: View = "forward_proxy"
    edge: Edge = Edge()
    proxy: str | None = Field(None, description="the company's proxy for witnesses; HTTPS_PROXY is never read")
    ca_file: str | None = Field(None, description="PEM file of a further CA that witnesses trust")
    seed: int = 1
    systems: dict[str, System] = Field(default_factory=dict)
    require: tuple[str, ...] = Field((), description="oracles that must be evaluated here")
    safety: Safety | None = Field(None, description="needed for any write where production = true")

    @field_validator("proxy")
    @classmethod
    def _reachable(cls, value: str | None) -> str | None:
        return _proxy_address(value)

    @model_validator(mode="after")
    def _consistent(self) -> Environment:
        for name, system in self.systems.items():
            if system.mode is None:
                raise ValueError(f"system '{name}' has no mode ({', '.join(get_args(Mode))})")
            if system.role == "other" and not system.all_hosts:
                raise ValueError(f"system '{name}' has no host, so no call of the platform can be known as its")
            passed_on = system.role == "other" and system.mode == "live" and system.host
            if system.mode in ("sandbox", "live") and not system.base_url and not passed_on:
                raise ValueError(f"system '{name}' is {system.mode} and needs base_url")
            if system.test_credentials and system.mode != "simulated":
                raise ValueError(f"system '{name}' is {system.mode}: test_credentials are for mode 'simulated' alone")
        if self.production and any(system.mode != "live" for system in self.systems.values()):
            odd = next(name for name, system in self.systems.items() if system.mode != "live")
            raise ValueError(f"production = true, but system '{odd}' is not live")
        return self

    def with_role(self, role: str) -> dict[str, System]:
        """Return the systems of one role by id."""
        return {name: system for name, system in self.systems.items() if system.role == role}


class Scenarios(Table):
    """Which flows belong to this project."""

    shipped: bool = Field(True, description="whether the reference suite's flows, which buy its own goods, run too")


class Gate(Table):
    """What `assay gate` does beside the scenarios."""

    load: str = Field("load/thread_peak.py", description="the load profile, relative to assay.toml")
    load_s: int = Field(10, ge=0, description="seconds of load; 0 leaves it out")
    users: int = Field(5, ge=1, description="customers who buy at once under load")


class StorePlace(Table):
    """Where results and the undo ledger are kept, and for how long."""

    url: str | None = Field(
        None, description="'env:VARIABLE' that holds the address, or an SQLite file; the environment's own when absent"
    )
    keep_days: int = Field(30, ge=0, description="what `assay prune` leaves: results of so many days")

    @field_validator("url")
    @classmethod
    def _without_password(cls, value: str | None) -> str | None:
        if value is not None and "://" in value:
            # The value is never repeated: a password may stand in it.
            raise ValueError("the store is 'env:VARIABLE' or an SQLite file; an address may hold a password")
        return value


class Profile(Table):
    """The whole file. `folder` is where it lies: relative paths start there."""

    name: str = "shop"
    policies: Policies = Policies()
    scenarios: Scenarios = Scenarios()
    gate: Gate = Gate()
    store: StorePlace = StorePlace()
    monitoring: Monitoring = Monitoring()
    alerts: Alerts = Alerts()
    environments: dict[str, Environment]
    folder: Path = Field(Path(), exclude=True)

    @model_validator(mode="after")
    def _rates_of_somebody(self) -> Profile:
        systems = {name for each in self.environments.values() for name in each.with_role("rates")}
        rates = self.policies.rates
        for name in (rates.source, *rates.stores.values()):
            if name is not None and name not in systems:
                raise ValueError(f"policies.rates: no system '{name}' of role 'rates'; {did_you_mean(name, systems)}")
        return self

    def environment(self, name: str) -> Environment:
        """Return one environment; `UsageError` with a suggestion for an unknown name."""
        if name not in self.environments:
            file = self.folder / FILE_NAME
            where = str(file) if file.is_file() else f"the profile in use; {self.folder} has no {FILE_NAME}"
            raise UsageError(f"no environment '{name}'", where=where, hint=did_you_mean(name, self.environments))
        return self.environments[name]


def find_profile(start: Path) -> Path | None:
    """Return the nearest assay.toml in this folder or above it."""
    return next((folder / FILE_NAME for folder in (start, *start.parents) if (folder / FILE_NAME).is_file()), None)


def load_profile(path: Path) -> Profile:
    """Read a profile; `UsageError` names the file, the key, what was expected and what was seen."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"there is no {path}", hint="write one, or name yours with --profile FILE") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no TOML", seen=str(error), hint="mend the line named above") from None
    shared = raw.pop("systems", {})
    if not isinstance(shared, dict) or not all(isinstance(system, dict) for system in shared.values()):
        raise UsageError("[systems] must hold tables", where=str(path), expected="[systems.stripe]")
    try:
        return Profile.model_validate({**_merge(raw, shared), "folder": path.resolve().parent})
    except ValidationError as error:
        raise _explained(error, path, shared) from None


def read_credential(source: str, *, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the secret behind ``env:NAME`` (else `.env`) or ``file:PATH``, or None where it is not there."""
    kind, _, name = source.partition(":")
    if kind == "env":
        return environment.get(name) or dotenv.value_of(name)
    path = Path(name).expanduser()
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None


def _proxy_address(value: str | None) -> str | None:
    """Check the address of a company's proxy; `ValueError` never repeats a password that stands in it."""
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.username or parts.password:
        raise ValueError("a proxy is 'http://host:port'; a user and password may not stand in this file")
    if parts.scheme != "http" or not parts.hostname or not parts.port:
        raise ValueError("a proxy is 'http://host:port', for example http://proxy.example:3128")
    return value


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of assay.toml, for editors."""
    schema = Profile.model_json_schema()
    schema["title"] = "assay.toml"
    schema["properties"].pop("folder", None)
    system = {"type": "object", "additionalProperties": {"$ref": "#/$defs/System"}}
    schema["properties"]["systems"] = {**system, "description": "systems declared once for every environment"}
    # What an environment says of a system is laid over the shared table: a mode alone is enough, and no key is needed.
    own = {**schema["$defs"]["System"], "required": []}
    mode = {"enum": list(get_args(Mode)), "type": "string"}
    schema["$defs"]["Environment"]["properties"]["systems"]["additionalProperties"] = {"anyOf": [mode, own]}
    return schema


def _merge(raw: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """Lay each environment's systems over the shared ones; an environment names the systems it has."""
    environments = raw.get("environments")
    for environment in environments.values() if isinstance(environments, dict) else ():
        systems = environment.get("systems") if isinstance(environment, dict) else None
        if not isinstance(systems, dict):
            continue
        for name, own in systems.items():
            if isinstance(own, str):
                own = {"mode": own}
            if isinstance(own, dict):
                systems[name] = {**_for_mode(shared.get(name, {}), own.get("mode")), **own}
    return raw


def _for_mode(shared: dict[str, Any], mode: object) -> dict[str, Any]:
    """Drop what a shared system says for simulation only, when it is not simulated here."""
    return {key: value for key, value in shared.items() if mode == "simulated" or key != "test_credentials"}


def _explained(error: ValidationError, path: Path, shared: dict[str, Any]) -> UsageError:
    # A misspelt key is why another one is missing: say it first.
    problem = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    full = place = tuple(str(part) for part in problem["loc"])
    if len(place) > 4 and place[4] in shared.get(place[3], {}):
        place = place[2:]
    where = f"{path}: {'.'.join(place) or 'top level'}"
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if problem["type"] == "extra_forbidden":
        return UsageError(f"unknown key '{place[-1]}'{more}", where=where, hint=_near_key(full))
    if problem["type"] == "missing":
        return UsageError(f"'{place[-1]}' is missing{more}", where=where, hint=_how_to_add(full, shared))
    message = problem["msg"].removeprefix("Value error, ")
    secret = not {"credentials", "test_credentials"}.isdisjoint(place)
    seen = None if secret or problem["type"] == "value_error" else repr(problem["input"])[:120]
    return UsageError(f"{message}{more}", where=where, seen=seen)


def _how_to_add(place: tuple[str, ...], shared: dict[str, Any]) -> str:
    hint = f"add a line {place[-1]} = …"
    if len(place) > 4 and place[3] not in shared and shared:
        return f"no system '{place[3]}' under [systems]: {did_you_mean(place[3], shared)} Or {hint}"
    return hint


def _near_key(place: tuple[str, ...]) -> str:
    model: Any = Profile
    for part in place[:-1]:
        field = model.model_fields.get(part)
        if field is not None:
            inner = [field.annotation, *getattr(field.annotation, "__args__", ())]
            model = next(
                (kind for kind in reversed(inner) if isinstance(kind, type) and issubclass(kind, Table)), model
            )
    known = set(model.model_fields) - {"folder"} | ({"systems"} if model is Profile else set())
    return did_you_mean(place[-1], known)
