"""Which process holds something in the store, so that what a dead one held can be told from what is busy.

And what a machine knows of time whoever sets its clock: which of its starts this is, and the seconds since then.
"""

from __future__ import annotations

import functools
import os
import socket
import time
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def ourselves() -> str:
    """Return host, pid and the instant our process began: a pid alone may have been given to somebody else."""
    return _named(os.getpid())


def is_gone(holder: str) -> bool:
    """Whether a process named by `ourselves` has ended; one on another machine is never taken for dead."""
    host, _, rest = holder.partition(":")
    pid, _, started_at = rest.partition(":")
    return host == socket.gethostname() and pid.isdigit() and _started_at(int(pid)) != started_at


def elapsed() -> float:
    """Return seconds that no change of the clock touches and that go on while the machine sleeps."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


@functools.cache
def boot_id() -> str:
    """Return what tells this start of this machine from every other; `elapsed` counts from it."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:  # no Linux: as good as the machine's name and the minute it began
        return f"{socket.gethostname()}:{round((time.time() - elapsed()) / 60)}"


@functools.cache
def _named(pid: int) -> str:
    return f"{socket.gethostname()}:{pid}:{_started_at(pid)}"


def _started_at(pid: int) -> str | None:
    """Return when a process of this machine began, or None where it is gone."""
    import psutil  # only who creates, leases or sweeps pays for it

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return None
