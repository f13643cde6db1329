"""The shop's settings, read from environment variables once, at the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from tests.apps.other_shop.trouble import Refusal


def _variable(name: str, default: str | float | None = None, *, secret: bool = False) -> Any:
    """Declare a field that is read from the variable `name`; without a default it must be set."""
    kind = {} if default is None else {"default": default}
    return field(metadata={"variable": name}, repr=not secret, **kind)  # type: ignore[call-overload]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where the vendors are, who we are there, and how patient we are; durations in seconds."""

    stripe_key: str = _variable("STRIPE_API_KEY", secret=True)
    stripe_hook_secret: str = _variable("STRIPE_WEBHOOK_SECRET", "", secret=True)
    stripe_base: str = _variable("STRIPE_BASE", "https://api.stripe.com")
    sap_user: str = _variable("SAP_USER")
    sap_password: str = _variable("SAP_PASSWORD", secret=True)
    sap_base: str = _variable("SAP_BASE", "https://my300000-api.s4hana.cloud.sap")
    sap_sold_to: str = _variable("SAP_SOLD_TO", "10100001")
    sap_order_type: str = _variable("SAP_ORDER_TYPE", "OR")
    sap_organization: str = _variable("SAP_SALES_ORGANIZATION", "1010")
    sap_channel: str = _variable("SAP_DISTRIBUTION_CHANNEL", "10")
    sap_division: str = _variable("SAP_DIVISION", "00")
    sap_condition: str = _variable("SAP_PRICE_CONDITION", "PPR0")
    sap_tax_condition: str = _variable("SAP_TAX_CONDITION", "MWST")
    sap_unit: str = _variable("SAP_UNIT", "PC")
    sap_rejection: str = _variable("SAP_REJECTION_REASON", "62")
    ups_client_id: str = _variable("UPS_CLIENT_ID")
    ups_client_secret: str = _variable("UPS_CLIENT_SECRET", secret=True)
    ups_account: str = _variable("UPS_ACCOUNT")
    ups_base: str = _variable("UPS_BASE", "https://onlinetools.ups.com")
    shop_key: str = _variable("OTHER_SHOP_KEY", secret=True)
    hook_url: str = _variable("OTHER_SHOP_HOOK_URL", "")
    hook_secret: str = _variable("OTHER_SHOP_HOOK_SECRET", "", secret=True)
    retry_s: float = _variable("OTHER_SHOP_RETRY_S", 0.5)
    reserve_s: float = _variable("OTHER_SHOP_RESERVE_S", 1800.0)
    timeout_s: float = _variable("OTHER_SHOP_TIMEOUT_S", 10.0)
    first_number: float = _variable("OTHER_SHOP_FIRST_NUMBER", 1.0)


def read_setting(variables: Mapping[str, str]) -> Setting:
    """Return the settings that environment variables hold; an empty variable counts as not set."""
    values: dict[str, str | float] = {}
    missing: list[str] = []
    for each in fields(Setting):
        name = each.metadata["variable"]
        text = variables.get(name, "").strip()
        is_number = isinstance(each.default, float)
        if text:
            values[each.name] = _number(name, text) if is_number else text
        elif not isinstance(each.default, str | float):
            missing.append(name)
    if missing:
        raise Refusal(
            "SETTING", f"environment: expected {', '.join(missing)}, which are not set; README.md explains them"
        )
    if values.get("hook_url") and not values.get("hook_secret"):
        raise Refusal("SETTING", "environment: OTHER_SHOP_HOOK_URL is set, so OTHER_SHOP_HOOK_SECRET must be, too")
    for base in ("stripe_base", "sap_base", "ups_base"):
        if base in values:
            values[base] = str(values[base]).rstrip("/")
    return Setting(**values)  # type: ignore[arg-type]


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise Refusal("SETTING", f"environment: {name} expects a number not below 0, seen {text!r}")
    return value
