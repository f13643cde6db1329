"""Load over the thread: `locust -f load/thread_peak.py --headless -u 10 -t 5s`, against a landscape that is up."""

from __future__ import annotations

from assay.runners.locust_user import FlowUser
from scenarios.thread import thread


class Buyer(FlowUser):
    """A customer who buys one article in EUR and in JPY by turns."""

    flow = thread
