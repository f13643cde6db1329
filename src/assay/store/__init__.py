"""The store: what was seen and found, and what is still to be undone, kept on disk.

SQLite by default, PostgreSQL where several machines share one. Several processes may write at once. Whatever goes into
it is masked before: the edge's journal by the edge, exchanges by the client, findings and steps by the reports.
"""

from __future__ import annotations

from assay.store.intents import Intents, StoredIntent
from assay.store.journal import CalledHost
from assay.store.opening import Store, open_store
from assay.store.recording import Recorder
from assay.store.results import StoredRun

__all__ = ["CalledHost", "Intents", "Recorder", "Store", "StoredIntent", "StoredRun", "open_store"]
