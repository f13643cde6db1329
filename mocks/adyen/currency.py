"""The currencies Adyen takes and in which minor units.

Follows https://docs.adyen.com/development-resources/currency-codes, which names CLP, CVE, IDR and ISK as those whose
decimals differ from ISO 4217 and says that its own table leads: CLP and ISK have two at Adyen and none in ISO, CVE and
IDR none at Adyen and two in ISO. Checked against the table Adyen ships in its own storefront integration
(github.com/Adyen/adyen-salesforce-headless-commerce-pwa, currencyList.mjs).
"""

from __future__ import annotations

from mocks.adyen.account import Document
from mocks.adyen.error import invalid

_NO_DECIMALS = "CVE DJF GNF IDR JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_TWO_DECIMALS = """
AED ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CHF CLP CNY COP CRC CUP CZK DKK
DOP DZD EGP ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF ILS INR ISK JMD KES KGS KHR KYD KZT LAK LBP LKR
MAD MDL MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR
SBD SCR SEK SGD SHP SLE SOS SRD STN SVC SZL THB TOP TRY TTD TWD TZS UAH USD UYU UZS VEF WST XCD YER ZAR ZMW
"""

DECIMALS: dict[str, int] = {
    **dict.fromkeys(_NO_DECIMALS.split(), 0),
    **dict.fromkeys(_TWO_DECIMALS.split(), 2),
    **dict.fromkeys(_THREE_DECIMALS.split(), 3),
}
"""Decimals of each currency as amounts are sent to Adyen."""

_LARGEST = 2**63 - 1


def amount_of(body: Document, *, least: int = 0) -> Document:
    """Return the amount of a request: a whole number of Adyen's minor units, at least `least`; raises `Problem`."""
    given = body.get("amount")
    if given is None:
        raise invalid("100", "Required object 'amount' is not provided.")
    if not isinstance(given, dict) or set(given) - {"value", "currency"}:
        raise invalid("137", "Field 'amount' is not valid.")
    value, currency = given.get("value"), given.get("currency")
    # A bool is an int to Python and none to Adyen.
    if type(value) is not int or not least <= value <= _LARGEST:
        raise invalid("137", "Field 'amount' is not valid.")
    if not isinstance(currency, str) or currency not in DECIMALS:
        raise invalid("138", "Unsupported currency specified")
    return {"currency": currency, "value": value}
