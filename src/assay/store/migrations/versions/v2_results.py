"""Version 2: runs, outcomes with their steps, findings and exchanges, intents to undo, leases."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Add the tables; the journal stays as it is."""
    _add_runs()
    _add_parts()
    _add_ledger()


def _name(name: str, length: int = 64) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), nullable=False)


def _text(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _json(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.JSON, nullable=False) for name in names]


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _number(name: str, kind: Any = sa.Integer) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _add_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(64), primary_key=True),
        *(_name(name) for name in ("environment", "runner", "view")),
        _instant("started_us"),
        _number("seed", sa.BigInteger),
        sa.Column("commit", sa.Text),
        _name("version"),
        _number("planned"),
        _instant("finished_us", nullable=True),
        sa.Column("exit_code", sa.Integer),
        *_json("trouble"),
    )
    op.create_index("ix_runs_started_us", "runs", ["started_us"])
    op.create_table(
        "outcomes",
        sa.Column("id", sa.String(64), primary_key=True),
        *(_name(name) for name in ("run_id", "environment")),
        *_text("flow", "case", "title"),
        *_json("tags"),
        _name("runner"),
        _number("seed", sa.BigInteger),
        _instant("started_us", nullable=True),
        _number("seconds", sa.Double),
        _name("trace_id"),
        _number("retries"),
        _name("undo", 16),
        _number("failed", sa.Boolean),
        *_json("order_refs", "shown"),
    )
    op.create_index("ix_outcomes_run_id", "outcomes", ["run_id"])
    op.create_index("ix_outcomes_started_us", "outcomes", ["started_us"])


def _add_part(name: str, *columns: sa.Column[Any]) -> None:
    outcome = sa.Column("outcome_id", sa.String(64), primary_key=True)
    op.create_table(name, outcome, sa.Column("position", sa.Integer, primary_key=True, autoincrement=False), *columns)


def _add_parts() -> None:
    _add_part(
        "steps",
        *_text("name"),
        _instant("started_us"),
        _number("seconds", sa.Double),
        sa.Column("error", sa.Text),
        _number("soft", sa.Boolean),
        _number("code"),
    )
    _add_part(
        "findings",
        _name("oracle"),
        _name("result", 16),
        *_text("order_ref"),
        *_json("systems"),
        *_text("expected", "seen", "formula", "cause", "reason"),
        sa.Column("at_risk_minor", sa.BigInteger),
        sa.Column("at_risk_currency", sa.String(3)),
        *_json("evidence"),
    )
    op.create_index("ix_findings_oracle", "findings", ["oracle"])
    _add_part(
        "exchanges",
        _name("system"),
        _name("method", 16),
        *_text("url"),
        *_json("request_headers"),
        *_text("request_body"),
        sa.Column("status", sa.Integer),
        *_json("response_headers"),
        *_text("response_body"),
        _instant("started_us"),
        _number("seconds", sa.Double),
        sa.Column("trace_id", sa.String(64)),
        sa.Column("error", sa.Text),
    )


def _add_ledger() -> None:
    op.create_table(
        "intents",
        sa.Column("number", sa.Integer, primary_key=True),
        *(_name(name) for name in ("environment", "run_id", "scope", "system", "kind")),
        *_text("marker"),
        _name("verb"),
        *_json("arguments"),
        _instant("created_us"),
        *_text("holder"),
        _instant("until_us"),
        sa.Column("ref", sa.Text),
        _name("state", 16),
        *_text("note"),
        _instant("changed_us"),
    )
    op.create_index("ix_intents_state", "intents", ["state"])
    op.create_table(
        "leases",
        sa.Column("environment", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(255), primary_key=True),
        *_text("holder"),
        _instant("until_us"),
    )
