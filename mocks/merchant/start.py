"""Puts a merchant together from its configuration."""

from __future__ import annotations

from pathlib import Path

from assay.simkit import SimClock
from mocks.merchant import times
from mocks.merchant.audit import Log
from mocks.merchant.clients.adyen_client import AdyenGateway
from mocks.merchant.clients.ecb_client import EcbClient
from mocks.merchant.clients.frankfurter_client import FrankfurterClient
from mocks.merchant.clients.paypal_client import PaypalGateway
from mocks.merchant.clients.sap_client import SapClient
from mocks.merchant.clients.stripe_client import StripeGateway
from mocks.merchant.clients.transport import tls_context
from mocks.merchant.clients.ups_client import UpsClient
from mocks.merchant.database import Database
from mocks.merchant.hub.exchange import seed_rates
from mocks.merchant.hub.price_file import take_over
from mocks.merchant.hub.stock import seed_stock
from mocks.merchant.settings import Config, secret
from mocks.merchant.shop import Shop
from mocks.merchant.storefront.catalogue import Catalogue
from mocks.merchant.storefront.coupon import seed_coupons
from mocks.merchant.storefront.gift_card import seed_gift_cards


def build_shop(config: Config) -> Shop:
    """Return the merchant's surroundings, its database created and stocked where it is new."""
    config.directory.mkdir(parents=True, exist_ok=True)
    clock = SimClock(config.clock)
    settings = dict(config.settings)
    holder: list[Shop] = []
    log = Log(
        Path(config.directory) / "merchant.log.jsonl",
        lambda: times.iso(clock.now()),
        lambda: bool((holder[0].settings if holder else settings)["log"]),
    )
    context = tls_context()
    vendors, limit_s = config.vendors, float(settings["timeout_s"])
    sap, ups, adyen, paypal = vendors["sap_s4hana"], vendors["ups"], vendors["adyen"], vendors["paypal"]
    shop = Shop(
        config=config,
        clock=clock,
        database=Database(config.directory / "merchant.sqlite"),
        log=log,
        settings=settings,
        catalogue=Catalogue.load(),
        stripe=StripeGateway(
            vendors["stripe"], secret(vendors["stripe"], "api_key_env"), context, log.write, limit_s=limit_s
        ),
        adyen=AdyenGateway(adyen, secret(adyen, "api_key_env"), context, log.write, limit_s=limit_s),
        paypal=PaypalGateway(
            paypal,
            (secret(paypal, "client_id_env"), secret(paypal, "client_secret_env")),
            context,
            log.write,
            limit_s=limit_s,
            now_s=clock.timestamp,
        ),
        sap=SapClient(sap, (secret(sap, "user_env"), secret(sap, "password_env")), context, log.write, limit_s=limit_s),
        ups=UpsClient(
            ups,
            (secret(ups, "client_id_env"), secret(ups, "client_secret_env")),
            context,
            log.write,
            limit_s=limit_s,
            now_s=clock.timestamp,
        ),
        ecb=EcbClient(vendors["ecb"], context, log.write, limit_s=limit_s),
        frankfurter=FrankfurterClient(vendors["frankfurter"], context, log.write, limit_s=limit_s),
    )
    holder.append(shop)
    take_over(shop)
    seed_shop(shop)
    return shop


def seed_shop(shop: Shop) -> None:
    """Store opening stock, bundled rates, coupons and gift cards where they are missing."""
    with shop.database.write() as connection:
        seed_rates(connection, shop.catalogue.base_currency, shop.settings["stores"], shop.now_iso())
        seed_stock(connection, shop)
        seed_coupons(connection, shop.catalogue.coupons)
        seed_gift_cards(connection, shop.catalogue.gift_cards)


def close_shop(shop: Shop) -> None:
    """Close connections and files."""
    shop.workers.shutdown()
    for client in (shop.stripe, shop.adyen, shop.paypal, shop.sap, shop.ups, shop.ecb, shop.frankfurter):
        client.close()
    shop.database.close()
    shop.log.close()
