"""Whom to wake, and with which words: states of monitors, suppression, silences, routes, and rules for Prometheus."""

from __future__ import annotations

from assay.alerts.engine import AlertEngine
from assay.alerts.routes import check_routes
from assay.alerts.view import AlertView

__all__ = ["AlertEngine", "AlertView", "check_routes"]
