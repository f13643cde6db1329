"""The report of compared records: one self-contained HTML file, what to mend first."""

from __future__ import annotations

from assay.reporting.drift.page import Told, render_records

__all__ = ["Told", "render_records"]
