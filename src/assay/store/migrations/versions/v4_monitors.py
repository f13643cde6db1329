"""Version 4: monitors' runs and hours, whose turn it is, the kill switch, alerts, silences and deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Add the tables; everything else stays as it is."""
    _runs_of_monitors()
    _alerts()


def _runs_of_monitors() -> None:
    op.create_table(
        "monitors",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("environment", sa.String(64), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.UniqueConstraint("environment", "name", name="uq_monitors_name"),
    )
    op.create_table(
        "probes",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("monitor_id", sa.Integer, nullable=False),
        sa.Column("due_us", sa.BigInteger, nullable=False),
        sa.Column("location", sa.String(32), nullable=False),
        sa.Column("delay_ms", sa.Integer, nullable=False),
        sa.Column("took_ms", sa.Integer, nullable=False),
        sa.Column("result", sa.SmallInteger, nullable=False),
        sa.Column("detail", sa.JSON),
    )
    op.create_index("uq_probes_turn", "probes", ["monitor_id", "due_us", "location"], unique=True)
    bad = sa.text("result <> 0")
    op.create_index("ix_probes_bad", "probes", ["monitor_id", "due_us"], sqlite_where=bad, postgresql_where=bad)
    op.create_table(
        "probe_hours",
        sa.Column("monitor_id", sa.Integer, primary_key=True),
        sa.Column("hour", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("counts", sa.JSON, nullable=False),
        sa.Column("latency", sa.JSON, nullable=False),
        sa.Column("sum_ms", sa.BigInteger, nullable=False),
        sa.Column("max_ms", sa.Integer, nullable=False),
    )
    _shared()


def _shared() -> None:
    op.create_table(
        "turns",
        sa.Column("environment", sa.String(64), primary_key=True),
        sa.Column("monitor", sa.String(128), primary_key=True),
        sa.Column("location", sa.String(32), primary_key=True),
        sa.Column("due_us", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until_us", sa.BigInteger, nullable=False),
        sa.Column("presence", sa.BigInteger, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
    )
    op.create_table(
        "switches",
        sa.Column("environment", sa.String(64), primary_key=True),
        sa.Column("thrown", sa.Boolean, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("changed_us", sa.BigInteger, nullable=False),
    )
    op.add_column("spendings", sa.Column("boot", sa.String(64)))
    op.add_column("spendings", sa.Column("steady_s", sa.BigInteger))


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("environment", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(160), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("memory", sa.JSON, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("changed_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "silences",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("environment", sa.String(64), nullable=False),
        sa.Column("monitors", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("until_us", sa.BigInteger, nullable=False),
        sa.Column("ended_us", sa.BigInteger),
    )
    op.create_table(
        "deliveries",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("environment", sa.String(64), nullable=False),
        sa.Column("alert", sa.String(160), nullable=False),
        sa.Column("route", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("message", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("next_us", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
    )
    op.create_index("ix_deliveries_state", "deliveries", ["state"])
