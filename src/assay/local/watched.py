"""Runs a command of the user's with the edge's settings, and watches where its connections go."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import psutil

from assay.errors import UsageError

_EVERY_S = 0.05
_OURS = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


@dataclass(frozen=True, slots=True)
class Watched:
    """How a command ended, and the addresses it was seen to be connected to beside this machine's own.

    A connection that lives shorter than a twentieth of a second may be missed.
    """

    exit_code: int
    around: Mapping[str, int] = field(default_factory=dict)


def run_watched(command: Sequence[str], variables: Mapping[str, str]) -> Watched:
    """Run a command to its end, its output going where ours goes; `UsageError` where it cannot be started."""
    try:
        child = subprocess.Popen(list(command), env={**os.environ, **variables})
    except OSError as error:
        raise UsageError(
            "the command cannot be started", seen=f"{command[0]}: {error.strerror}", hint="write it after --"
        ) from None
    around: Counter[str] = Counter()
    known: set[tuple[int, str, int]] = set()
    try:
        while child.poll() is None:
            for pid, address, local_port in _connections(child.pid):
                if (pid, address, local_port) not in known:
                    known.add((pid, address, local_port))
                    around[address] += 1
            time.sleep(_EVERY_S)
    except BaseException:
        child.terminate()
        child.wait()
        raise
    return Watched(child.returncode, dict(around))


def _connections(pid: int) -> Iterable[tuple[int, str, int]]:
    """Give (process, remote address, local port) of every connection of a process tree that leaves by itself."""
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                for link in process.net_connections("tcp"):
                    if link.raddr and link.raddr.ip not in _OURS:
                        yield process.pid, f"{link.raddr.ip}:{link.raddr.port}", link.laddr.port
