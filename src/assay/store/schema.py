"""The tables of the store, as they are now; how older stores come to look so is written in ``migrations/``.

Instants are microseconds since 1970 in UTC. Lists and mappings are JSON. Amounts are whole minor units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

VERSION = 6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

metadata = sa.MetaData()


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _name(name: str, length: int = 64, **more: Any) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False, **more)


def _json(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON, nullable=False)


def _instant(name: str, *, nullable: bool = False, index: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable, index=index)


meta = sa.Table("meta", metadata, sa.Column("version", sa.Integer, nullable=False))
calls = sa.Table(
    "calls",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    _name("environment"),
    _instant("at_us", index=True),
    _name("system"),
    _name("way", 16),
    _name("method", 16),
    _name("host", 255),
    _text("path"),
    _text("query"),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("duration_ms", sa.Integer, nullable=False),
    sa.Column("refused", sa.Boolean, nullable=False),
    sa.Column("fault", sa.String(32)),
    _json("request_headers"),
    _text("request_body"),
    _json("response_headers"),
    _text("response_body"),
)
gaps = sa.Table("gaps", metadata, _name("environment"), _instant("from_us"), _instant("until_us"))
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    _name("environment"),
    _name("runner"),
    _name("view"),
    _instant("started_us", index=True),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("commit", sa.Text),
    _name("version"),
    sa.Column("planned", sa.Integer, nullable=False),
    _instant("finished_us", nullable=True),
    sa.Column("exit_code", sa.Integer),
    _json("trouble"),
)
outcomes = sa.Table(
    "outcomes",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    _name("run_id", index=True),
    _name("environment"),
    _text("flow"),
    _text("case"),
    _text("title"),
    _json("tags"),
    _name("runner"),
    sa.Column("seed", sa.BigInteger, nullable=False),
    _instant("started_us", nullable=True, index=True),
    sa.Column("seconds", sa.Double, nullable=False),
    _name("trace_id"),
    sa.Column("retries", sa.Integer, nullable=False),
    _name("undo", 16),
    sa.Column("failed", sa.Boolean, nullable=False),
    _json("order_refs"),
    _json("shown"),
)
_PART = ("outcome_id", "position")


def _part(name: str, *columns: sa.Column[Any]) -> sa.Table:
    """Make a table of the numbered parts of an outcome."""
    position = sa.Column("position", sa.Integer, primary_key=True, autoincrement=False)
    return sa.Table(name, metadata, sa.Column("outcome_id", sa.String(64), primary_key=True), position, *columns)


steps = _part(
    "steps",
    _text("name"),
    _instant("started_us"),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("soft", sa.Boolean, nullable=False),
    sa.Column("code", sa.Integer, nullable=False),
)
findings = _part(
    "findings",
    _name("oracle", index=True),
    _name("result", 16),
    _text("order_ref"),
    _json("systems"),
    _text("expected"),
    _text("seen"),
    _text("formula"),
    _text("cause"),
    _text("reason"),
    sa.Column("at_risk_minor", sa.BigInteger),
    sa.Column("at_risk_currency", sa.String(3)),
    _json("evidence"),
)
exchanges = _part(
    "exchanges",
    _name("system"),
    _name("method", 16),
    _text("url"),
    _json("request_headers"),
    _text("request_body"),
    sa.Column("status", sa.Integer),
    _json("response_headers"),
    _text("response_body"),
    _instant("started_us"),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("trace_id", sa.String(64)),
    sa.Column("error", sa.Text),
)
PARTS = (steps, findings, exchanges)
intents = sa.Table(
    "intents",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    _name("environment"),
    _name("run_id"),
    _name("scope"),
    _name("system"),
    _name("kind"),
    _text("marker"),
    _name("verb"),
    _json("arguments"),
    _instant("created_us"),
    _text("holder"),
    _instant("until_us"),
    sa.Column("ref", sa.Text),
    _name("state", 16, index=True),
    _text("note"),
    _instant("changed_us"),
)
leases = sa.Table(
    "leases",
    metadata,
    sa.Column("environment", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    _text("holder"),
    _instant("until_us"),
)
spendings = sa.Table(
    "spendings",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    _name("environment"),
    _instant("at_us", index=True),
    _name("currency", 3),
    sa.Column("orders", sa.Integer, nullable=False),
    sa.Column("minor", sa.BigInteger, nullable=False),
    # Which start of which machine noted it, and its seconds since then: what no change of the clock touches.
    sa.Column("boot", sa.String(64)),
    sa.Column("steady_s", sa.BigInteger),
)
monitors = sa.Table(
    "monitors",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _name("environment"),
    _name("name", 128),
    sa.UniqueConstraint("environment", "name", name="uq_monitors_name"),
)
# Spelled out: an index over a part of the rows serves only who asks in its own words.
BAD = sa.text("result <> 0")
probes = sa.Table(
    "probes",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("monitor_id", sa.Integer, nullable=False),
    _instant("due_us"),
    _name("location", 32),
    sa.Column("delay_ms", sa.Integer, nullable=False),
    sa.Column("took_ms", sa.Integer, nullable=False),
    sa.Column("result", sa.SmallInteger, nullable=False),
    # What only runs worth reading have: steps, findings, trouble, measures …, as JSON.
    sa.Column("detail", sa.JSON(none_as_null=True)),
    sa.Index("uq_probes_turn", "monitor_id", "due_us", "location", unique=True),
    # Runs that did not pass are few, kept long, and what people look for.
    sa.Index("ix_probes_bad", "monitor_id", "due_us", sqlite_where=BAD, postgresql_where=BAD),
)
probe_hours = sa.Table(
    "probe_hours",
    metadata,
    sa.Column("monitor_id", sa.Integer, primary_key=True),
    sa.Column("hour", sa.Integer, primary_key=True, autoincrement=False),
    # As JSON lists: how many runs of each result; of those with a verdict how many in each bucket of latency that
    # has any, [bucket, count, bucket, count …]; the sum and the largest of their latencies in ms stand beside.
    _json("counts"),
    _json("latency"),
    sa.Column("sum_ms", sa.BigInteger, nullable=False),
    sa.Column("max_ms", sa.Integer, nullable=False),
)
turns = sa.Table(
    "turns",
    metadata,
    sa.Column("environment", sa.String(64), primary_key=True),
    sa.Column("monitor", sa.String(128), primary_key=True),
    sa.Column("location", sa.String(32), primary_key=True),
    _instant("due_us"),
    _text("holder"),
    _instant("until_us"),
    # The number of the advisory lock that the holder keeps while it lives and reaches the store; 0 where it has none.
    sa.Column("presence", sa.BigInteger, nullable=False),
    sa.Column("done", sa.Boolean, nullable=False),
)
# The kill switch of an environment, for every process that shares the store; no row: it was never thrown.
switches = sa.Table(
    "switches",
    metadata,
    sa.Column("environment", sa.String(64), primary_key=True),
    sa.Column("thrown", sa.Boolean, nullable=False),
    _text("by"),
    _instant("changed_us"),
)
alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("environment", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(160), primary_key=True),
    _name("state", 16),
    # Everything the state machine remembers, as JSON; version rises with every change.
    _json("memory"),
    sa.Column("version", sa.Integer, nullable=False),
    _instant("changed_us"),
)
silences = sa.Table(
    "silences",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    _name("environment"),
    _text("monitors"),
    _text("reason"),
    _text("by"),
    _instant("created_us"),
    _instant("until_us"),
    _instant("ended_us", nullable=True),
)
deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    _name("environment"),
    _name("alert", 160),
    _name("route"),
    _name("kind", 16),
    _json("message"),
    _name("state", 16, index=True),
    sa.Column("tries", sa.Integer, nullable=False),
    _instant("created_us"),
    _instant("next_us"),
    _text("holder"),
    _text("said"),
)
# What live answers of one operation with one status were learned to be: counts by path, and what departed from them.
learned = sa.Table(
    "learned",
    metadata,
    sa.Column("environment", sa.String(64), primary_key=True),
    sa.Column("system", sa.String(64), primary_key=True),
    sa.Column("operation", sa.String(255), primary_key=True),
    sa.Column("status", sa.Integer, primary_key=True, autoincrement=False),
    _json("memory"),
    _instant("changed_us"),
)
# What a source's window of time was summed up to: what is usual is worked out from these sums alone.
windows = sa.Table(
    "windows",
    metadata,
    sa.Column("environment", sa.String(64), primary_key=True),
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("since_us", sa.BigInteger, primary_key=True, autoincrement=False),
    _json("memory"),
)


def us(instant: datetime) -> int:
    """Return an instant as it is stored."""
    return (instant - _EPOCH) // _MICROSECOND


def at(microseconds: int) -> datetime:
    """Return a stored instant, in UTC."""
    return _EPOCH + microseconds * _MICROSECOND


def storable(value: Any) -> Any:
    """Return text, or lists and mappings of it, as every database takes it.

    PostgreSQL takes no NUL, no database a half surrogate: a call may carry both. NUL becomes its picture (U+2400).
    """
    if isinstance(value, str):
        value = value.replace("\0", "\N{SYMBOL FOR NULL}")
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {storable(key): storable(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [storable(each) for each in value]
    return value
