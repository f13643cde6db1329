"""Rates handed to `assay drift`: another day's rate told from a wrong one, and what is at risk in one currency."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from assay.drift.pairs.rate_file import in_base, read_rates
from assay.errors import UsageError
from assay.money import Money
from tests.conftest import Project

AT = ("--at", "2026-11-23T12:00Z")
RATES = """date,from,to,rate
2026-11-18,EUR,USD,1.0612
2026-11-19,EUR,USD,1.0832
2026-11-20,EUR,USD,1.0791
2026-11-20,EUR,JPY,160
"""
PAIR = """
[pairs.orders]
about = "The books hold what the shop sold, in dollars"
worth = "total"

[pairs.orders.left]
system = "merchant"
source = { kind = "parquet", path = "shop.parquet" }
key = ["store", "number"]
placed = "placed_at"
amounts = { currency_column = "currency" }

[pairs.orders.right]
system = "books"
source = { kind = "parquet", path = "books.parquet" }
key = ["branch", "document"]
placed = "placed_at"
amounts = { currency = "USD" }

[pairs.orders.fields.total]
kind = "money"
rate = "rate"
"""


@pytest.fixture
def converted(project: Project) -> Project:
    """A shop of euros and yen, and books in dollars: one order booked by the rate of the day before, one missing."""
    rates = {"EUR": Decimal("1.0791"), "JPY": Decimal("0.00674")}
    shop, books = [], []
    for number in range(40):
        currency = "JPY" if number % 4 == 0 else "EUR"
        total = 1_999 + 37 * number
        rate = Decimal("1.0832") if number == 7 else rates[currency]
        minor = total * rate * (100 if currency == "JPY" else 1)
        at = "2026-11-20T10:00:00Z"
        shop.append(
            {
                **{"store": "DE", "number": number, "placed_at": at, "currency": currency},
                **{"total": total, "rate": f"{rates[currency]}"},
            }
        )
        books.append({"branch": "DE", "document": f"{number}", "placed_at": at, "total": round(minor)})
    del books[8]
    del books[5]
    for name, rows in (("shop", shop), ("books", books)):
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), project.path / f"{name}.parquet")
    (project.path / "monitors" / "drift").mkdir(parents=True)
    (project.path / "monitors" / "drift" / "books.toml").write_text(PAIR, encoding="utf-8")
    (project.path / "rates.csv").write_text(RATES, encoding="utf-8")
    project.change("[policies.freshness]", '[policies]\nbase_currency = "EUR"\n\n[policies.freshness]')
    return project


def test_another_days_rate_is_named(converted: Project) -> None:
    """With the published rates at hand, an amount that another day's rate makes is told from any other wrong one."""
    done = converted.type("drift", "explain", "orders", "DE", "7", *AT, "--rates", "rates.csv")
    assert done.returncode == 1, done.stderr
    assert "other day's rate" in done.stdout and "1 publication before" in done.stdout
    assert converted.type("drift", "explain", "orders", "DE", "6", *AT).returncode == 0


def test_money_at_risk_is_told_in_the_base_currency(converted: Project) -> None:
    """What is missing is added up by currency, and together in the base currency by the last rates published."""
    done = converted.type("drift", "records", *AT, "--rates", "rates.csv")
    assert "orders: 3 differ" in done.stdout, done.stdout
    (found,) = json.loads(converted.type("drift", "records", *AT, "--rates", "rates.csv", "--json").stdout)["pairs"]
    worth = {code: Money.of(amount, code) for code, amount in found["at_risk"].items()}
    total, without = in_base(worth, "EUR", read_rates(converted.path / "rates.csv"), date(2026, 11, 23))
    assert found["at_risk_together"] == {"amount": f"{total.amount:f}", "currency": "EUR"} and not without
    assert f"together {total}" in done.stdout
    assert "together" not in converted.type("drift", "records", *AT).stdout, "without rates nothing is added up"


def test_amounts_are_converted_by_the_last_rate_and_rounded_once(tmp_path: Path) -> None:
    """A rate of the day or before is taken, in either direction; one too old is none, and its currency is named."""
    (tmp_path / "rates.csv").write_text(RATES, encoding="utf-8")
    rates = read_rates(tmp_path / "rates.csv")
    amounts = {"EUR": Money(100, "EUR"), "USD": Money(10_791, "USD"), "KWD": Money(5, "KWD")}
    assert in_base(amounts, "EUR", rates, date(2026, 11, 22)) == (Money(10_100, "EUR"), ("KWD",))
    assert in_base({"USD": Money(10_612, "USD")}, "EUR", rates, date(2026, 11, 18))[0] == Money(10_000, "EUR")
    assert in_base({"EUR": Money(150, "EUR")}, "JPY", rates, date(2026, 11, 20))[0] == Money(240, "JPY")
    assert in_base({"USD": Money(1, "USD")}, "EUR", rates, date(2026, 12, 24)) == (Money(0, "EUR"), ("USD",))


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("day,rate\n", "line 1", "date,from,to,rate"),
        ("", "line 1", "nothing"),
        (RATES + "2026-11-21,EUR,USD,0\n", "line 6", "no rate"),
        (RATES + "2026-11-21,EUR,USD,NaN\n", "line 6", "no rate"),
        (RATES + "21.11.2026,EUR,USD,1.1\n", "line 6", "2026-11-20,EUR,USD,1.0832"),
        (RATES + "2026-11-21,EUR,USX,1.1\n", "line 6", "no ISO 4217 currency"),
        (RATES + "2026-11-21,EUR\n", "line 6", "no rate"),
    ],
)
def test_what_is_no_table_of_rates_is_refused(tmp_path: Path, text: str, place: str, told: str) -> None:
    """Each mistake is wrong use that names the line and what stands in a good one."""
    (tmp_path / "rates.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        read_rates(tmp_path / "rates.csv")
    assert place in str(refused.value) and told in str(refused.value)
