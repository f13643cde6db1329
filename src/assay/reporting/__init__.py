"""Reports: consumers of events, never known by the core. What a run was, for people and for CI.

    listen = open_reports(project / "reports" / "out", project=project)
    listen(RunStarted(...)); listen(Outcome(...)); listen(RunFinished(...))

JSON lines are written as events come, so that nothing is lost when something breaks later; the other files when the
run ends. `read_events` and `write_reports` make them again from the JSON lines.
"""

from assay.reporting.jsonl import read_events
from assay.reporting.output import FILES, Reports, open_reports, write_reports
from assay.reporting.run_record import RunRecord, record_of

__all__ = ["FILES", "Reports", "RunRecord", "open_reports", "read_events", "record_of", "write_reports"]
