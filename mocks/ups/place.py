"""Countries: their states, currency, units, prices against the euro, and local time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo


def _codes(words: str) -> frozenset[str]:
    return frozenset(words.split())


# ISO 3166-1 alpha-2, November 2025.
COUNTRIES = _codes(
    "AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BW BY BZ CA CC CD "
    "CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET FI FJ FK FM FO FR GA GB GD GE "
    "GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM "
    "KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX "
    "MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC "
    "SD SE SG SH SI SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY "
    "UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
)
EU = _codes("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK")
US_STATES = _codes(
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR "
    "PA RI SC SD TN TX UT VT VA WA WV WI WY AA AE AP AS FM GU MH MP PR PW VI"
)
CA_PROVINCES = _codes("AB BC MB NB NL NS NT NU ON PE QC SK YT")
IMPERIAL_ONLY = frozenset({"US", "PR"})
BOTH_UNITS = frozenset({"CA", "DO", "MX"})
NORTH_AMERICAN_PHONES = frozenset({"US", "PR", "CA", "VI"})

# Whole-unit currencies have no decimals in UPS's amounts.
ZERO_DECIMAL = frozenset({"JPY", "KRW", "CLP", "VND", "ISK"})
_CURRENCY = {
    "US": "USD", "PR": "USD", "CA": "CAD", "GB": "GBP", "CH": "CHF", "LI": "CHF", "SE": "SEK", "DK": "DKK", "NO": "NOK",
    "PL": "PLN", "CZ": "CZK", "HU": "HUF", "RO": "RON", "JP": "JPY", "KR": "KRW", "AU": "AUD", "NZ": "NZD", "SG": "SGD",
    "HK": "HKD", "MX": "MXN", "TR": "TRY", "CN": "CNY", "IN": "INR", "IS": "ISK", "ID": "IDR", "VN": "VND",
}  # fmt: skip
_EUROZONE = EU - frozenset({"CZ", "DK", "HU", "PL", "RO", "SE"})

# A price list's level: smallest units of the currency for one euro cent of list price. List prices are set once a year
# and do not follow the exchange rate of the day.
PRICE_LEVEL_PERCENT = {
    "EUR": 100, "USD": 110, "CAD": 150, "GBP": 86, "CHF": 96, "SEK": 1_120, "DKK": 746, "NOK": 1_150, "PLN": 430,
    "CZK": 2_500, "HUF": 40_000, "RON": 500, "JPY": 160, "KRW": 1_500, "AUD": 170, "NZD": 185, "SGD": 148, "HKD": 860,
    "MXN": 2_100, "TRY": 4_400, "CNY": 800, "INR": 9_500, "ISK": 145, "IDR": 1_800_000, "VND": 28_000,
}  # fmt: skip

_ZONES = {
    "US": "America/New_York", "PR": "America/Puerto_Rico", "CA": "America/Toronto", "MX": "America/Mexico_City",
    "GB": "Europe/London", "IE": "Europe/Dublin", "PT": "Europe/Lisbon", "IS": "Atlantic/Reykjavik",
    "FI": "Europe/Helsinki", "GR": "Europe/Athens", "RO": "Europe/Bucharest", "BG": "Europe/Sofia",
    "TR": "Europe/Istanbul", "JP": "Asia/Tokyo", "KR": "Asia/Seoul", "CN": "Asia/Shanghai", "HK": "Asia/Hong_Kong",
    "SG": "Asia/Singapore", "IN": "Asia/Kolkata", "ID": "Asia/Jakarta", "VN": "Asia/Ho_Chi_Minh",
    "AU": "Australia/Sydney", "NZ": "Pacific/Auckland", "BR": "America/Sao_Paulo", "AE": "Asia/Dubai",
    "CH": "Europe/Zurich", "NO": "Europe/Oslo", "KW": "Asia/Kuwait", "IL": "Asia/Jerusalem",
}  # fmt: skip
_CANADIAN_POSTCODE = re.compile(r"[A-Z]\d[A-Z]\d[A-Z]\d")
_US_POSTCODE = re.compile(r"\d{5}(\d{4})?")
_ANY_POSTCODE = re.compile(r"[A-Za-z0-9]{1,9}")


def currency_of(country: str) -> str:
    """Return the currency UPS bills a shipper of that country in."""
    if country in _EUROZONE:
        return "EUR"
    return _CURRENCY.get(country, "USD")


@dataclass(frozen=True, slots=True)
class LocalTime:
    """An instant as UPS writes it: local date and time, and how far they are from GMT."""

    date: str
    time: str
    offset: str
    gmt_date: str
    gmt_time: str


def local_time(instant: datetime, country: str) -> LocalTime:
    """Return an instant in a country's main zone; offset as ``+01:00``, dates YYYYMMDD, times HHMMSS."""
    default = "Europe/Berlin" if country in EU else "UTC"
    local = instant.astimezone(ZoneInfo(_ZONES.get(country, default)))
    offset = local.strftime("%z")
    return LocalTime(
        date=local.strftime("%Y%m%d"),
        time=local.strftime("%H%M%S"),
        offset=f"{offset[:3]}:{offset[3:5]}",
        gmt_date=instant.strftime("%Y%m%d"),
        gmt_time=instant.strftime("%H%M%S"),
    )


def has_valid_state(country: str, state: str) -> bool:
    """Say whether a state is right: known in the US and Canada, present in Ireland and Vietnam, free elsewhere."""
    if country == "US":
        return state.upper() in US_STATES
    if country == "CA":
        return state.upper() in CA_PROVINCES
    if country in ("IE", "VN"):
        return bool(state)
    return len(state) <= 5


def has_valid_postcode(country: str, postcode: str) -> bool:
    """Say whether a postcode has its country's form; only the US, Puerto Rico and Canada must have one."""
    plain = re.sub(r"[\s-]", "", postcode)
    if country in ("US", "PR"):
        return _US_POSTCODE.fullmatch(plain) is not None
    if country == "CA":
        return _CANADIAN_POSTCODE.fullmatch(plain.upper()) is not None
    return not plain or _ANY_POSTCODE.fullmatch(plain) is not None
