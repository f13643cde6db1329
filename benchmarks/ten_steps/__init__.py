"""One business flow of ten calls as data, and a fast local server for it: what the CPU benchmarks compare tools by."""

from benchmarks.ten_steps.calls import CALLS, Call
from benchmarks.ten_steps.project import write_project
from benchmarks.ten_steps.server import serving

__all__ = ["CALLS", "Call", "serving", "write_project"]
