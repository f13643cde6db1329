"""The shop's own configuration and the vendors': defaults, types, and refusal of unknown names."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mocks.merchant.errors import Misconfigured

DEFAULTS: dict[str, Any] = {
    # money
    "currencies": ["EUR", "USD", "GBP", "JPY", "KRW", "INR", "CHF", "ISK", "HUF", "IDR", "KWD"],
    "price_list_currencies": ["KWD"],  # priced by hand, never converted: the ECB publishes no rate
    "tax_included": True,  # prices hold tax
    "rounding_level": "line",  # unit, line, rate or total: what tax is rounded of
    "rounding_mode": "half_up",
    "stores": ["main", "outlet"],  # each with its own rate table; the first where none is named
    "rates_source": "ecb",  # or "frankfurter"
    "price_markup": "0",  # on converted prices
    "price_markup_by_store": {"outlet": "0.02"},
    "rate_spread": "0",  # what a rate back to the base currency is less than the way out, 0.006 = 0.6 %
    "margin_floor": "0",  # no price falls below cost x (1 + this), in any currency
    "currency_decimals": {},  # {"USD": 4}: decimals the shop's people chose to see
    "cash_rounding": {},  # {"CHF": "0.05"}: the total is rounded and the difference booked as a line
    "rate_max_age_s": 7 * 86400,
    # shop
    "home_country": "FR",
    "time_zone": "Europe/Paris",
    "operator_token": "operator-demo",
    "operator_token_env": None,
    "repeatable": False,  # secrets follow from the seed, and work is done in turn: to compare two runs of a test shop
    "reservation_ttl_s": 1800,
    "free_shipping_from": "150",
    "free_shipping_by_currency": {},  # {"JPY": "20000"}: instead of the converted threshold
    "page_cache_s": 600,
    "shipping_table": {"FR": "5.90", "EU": "9.90", "WORLD": "24.90"},
    "shipping_table_manual": {"KWD": "8.250"},
    "safety_stock": 0,
    "safety_stock_by_sku": {},
    "payment_methods": ["card", "paypal", "sepa", "gift_card", "invoice"],
    "card_gateways": {"default": ["stripe", "adyen"]},  # further keys are currencies; the first is preferred
    "paypal_currencies": None,  # or some of PayPal's own list
    "capture": "automatic",  # or "on_shipment": authorise now, capture what ships, void the rest
    "b2b_approval": False,  # invoice orders of companies wait for an operator
    "approval_from": "0",  # EUR; only orders of at least this much wait
    "review_from": None,  # EUR; orders of at least this much are held for review
    "review_postcode_check": True,
    "card_attempts_per_minute": 8,  # declined ones, for one customer
    "split_by_warehouse": False,  # one ERP order for each plant, with child references
    "erp_rounding_line": True,
    "erp_tax_per": "line",  # or "rate": the ERP's tax is rounded once a rate, and the rounding line evens it
    "letter_max_g": None,  # orders up to this weight go as a letter without tracking
    "label_transliterate": True,
    "label_format": "GIF",
    # hub, in simulated seconds
    "outbox_interval_s": 5,
    "outbox_backoff_s": [5, 15, 60, 300, 900, 3600],
    "outbox_max_attempts": 40,
    "approval_interval_s": 60,
    "delivery_interval_s": 300,
    "delivery_overlap_days": 1,
    "page_size": 50,
    "announce_interval_s": 60,
    "tracking_interval_s": 14400,
    "payment_interval_s": 21600,
    "rates_interval_s": 3600,
    "stock_interval_s": 3600,
    "settlement_interval_s": 86400,
    "reconcile_after_s": 30,
    "reconcile_interval_s": 60,
    "rate_ttl_s": 86400,
    "packaging_g": 150,
    "parcel_max_g": 30000,
    "restock_returns": False,  # returned goods come back by the ERP's stock, after inspection
    # clients, in real seconds
    "timeout_s": 5.0,
    "rates_timeout_s": 3.0,
    # log
    "log": True,
}

_CHOICES = {
    "rounding_level": ("unit", "line", "rate", "total"),
    "rounding_mode": ("half_up", "half_even", "down"),
    "erp_tax_per": ("line", "rate"),
    "capture": ("automatic", "on_shipment"),
    "rates_source": ("ecb", "frankfurter"),
}

VENDORS: dict[str, dict[str, Any]] = {
    "stripe": {"base_url": None, "api_key_env": "STRIPE_API_KEY", "webhook_secret_env": "STRIPE_WEBHOOK_SECRET"},
    "sap_s4hana": {
        "base_url": "https://my300000-api.s4hana.cloud.sap",
        "user_env": "SAP_USER",
        "password_env": "SAP_PASSWORD",
        "customer": "10100001",
        "sales_organization": "1010",
        "distribution_channel": "10",
        "division": "00",
    },
    "ups": {
        "base_url": "https://onlinetools.ups.com",
        "client_id_env": "UPS_CLIENT_ID",
        "client_secret_env": "UPS_CLIENT_SECRET",
        "account_number": "A1B2C3",
        "webhook_credential_env": "UPS_WEBHOOK_CREDENTIAL",
    },
    "adyen": {
        "base_url": "https://checkout-test.adyen.com",
        "api_key_env": "ADYEN_API_KEY",
        "hmac_key_env": "ADYEN_HMAC_KEY",
        "merchant_account": "AssayECOM",
    },
    "paypal": {
        "base_url": "https://api-m.paypal.com",
        "client_id_env": "PAYPAL_CLIENT_ID",
        "client_secret_env": "PAYPAL_CLIENT_SECRET",
        "webhook_id": "9ASSAY00HOOK00001",
    },
    "ecb": {"base_url": "https://www.ecb.europa.eu"},
    "frankfurter": {"base_url": "https://api.frankfurter.dev"},
}

_TOP = (
    "port",
    "dir",
    "clock",
    "ready",
    "seed",
    "jobs",
    "defects",
    "defect_dirs",
    "public_url",
    "suite_roots",
    "settings",
    "vendors",
)


@dataclass(frozen=True, slots=True)
class Config:
    """One merchant's start configuration, checked."""

    directory: Path
    ready: Path | None = None
    clock: Path | None = None
    port: int = 0
    seed: int = 1
    jobs_at_once: bool = True
    public_url: str | None = None
    defects: tuple[str, ...] = ()
    defect_folders: tuple[Path, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    vendors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    suite_roots: tuple[Path, ...] = ()


def read_config(content: Mapping[str, Any]) -> Config:
    """Return the checked configuration. Raises `Misconfigured` naming the key and what was expected."""
    refuse_unknown(content, _TOP, "the configuration")
    if not isinstance(content.get("dir"), str):
        raise Misconfigured(f"dir: expected a folder for the database and the log, seen {content.get('dir')!r}")
    port = content.get("port", 0)
    if not isinstance(port, int) or not 0 <= port < 65536:
        raise Misconfigured(f"port: expected a number from 0 to 65535, seen {port!r}")
    if content.get("jobs", "at_once") not in ("at_once", "when_told"):
        raise Misconfigured(f"jobs: expected 'at_once' or 'when_told', seen {content['jobs']!r}")
    return Config(
        directory=Path(content["dir"]),
        ready=Path(content["ready"]) if content.get("ready") else None,
        clock=Path(content["clock"]) if content.get("clock") else None,
        port=port,
        seed=int(content.get("seed", 1)),
        jobs_at_once=content.get("jobs", "at_once") == "at_once",
        public_url=content.get("public_url"),
        defects=tuple(content.get("defects") or ()),
        defect_folders=tuple(Path(folder) for folder in content.get("defect_dirs") or ()),
        settings=merge_settings(DEFAULTS, content.get("settings") or {}),
        vendors=_vendors(content.get("vendors") or {}),
        suite_roots=tuple(Path(root) for root in content.get("suite_roots") or ()),
    )


def merge_settings(current: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with the changes applied. Raises `Misconfigured` for an unknown name, type or choice."""
    refuse_unknown(change, DEFAULTS, "settings")
    for name, value in change.items():
        default = DEFAULTS[name]
        if default is not None and value is not None and not isinstance(value, _accepted(default)):
            raise Misconfigured(f"settings.{name}: expected {type(default).__name__} like {default!r}, seen {value!r}")
        if name == "stores" and not (value and all(isinstance(each, str) for each in value)):
            raise Misconfigured(f"settings.stores: expected the names of one store or more, seen {value!r}")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise Misconfigured(f"settings.{name}: expected one of {', '.join(_CHOICES[name])}, seen {value!r}")
    return {**current, **change}


def secret(vendor: Mapping[str, Any], name: str) -> str:
    """Return the secret whose environment variable the vendor's entry names; empty when it is not set."""
    return os.environ.get(vendor.get(name) or "", "")


def refuse_unknown(given: Mapping[str, Any], known: Any, where: str) -> None:
    """Raise `Misconfigured` for the first name that is not known, with the nearest known one."""
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, list(known), 1)
            hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(sorted(known))}"
            raise Misconfigured(f"{where}: unknown key '{name}'; {hint}")


def _accepted(default: Any) -> tuple[type, ...]:
    if isinstance(default, bool):
        return (bool,)
    if isinstance(default, int | float):
        return (int, float)
    return (type(default),)


def _vendors(given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    refuse_unknown(given, VENDORS, "vendors")
    for name, entry in given.items():
        refuse_unknown(entry, VENDORS[name], f"vendors.{name}")
    return {name: {**defaults, **given.get(name, {})} for name, defaults in VENDORS.items()}
