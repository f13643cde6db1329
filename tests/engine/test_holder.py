"""Who holds something: a process by host, number and beginning, so that a dead one is told from a busy one."""

from __future__ import annotations

import subprocess
import sys

from assay.holder import is_gone, ourselves


def test_a_process_is_gone_when_it_has_ended() -> None:
    """What runs is not gone; what ended is, and so is a former owner of a number that somebody else has now."""
    code = "from assay.holder import ourselves; print(ourselves(), flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as it:
        assert it.stdin is not None and it.stdout is not None
        holder = it.stdout.readline().strip()
        assert not is_gone(holder) and not is_gone(ourselves())
        it.stdin.close()
    assert is_gone(holder)
    assert is_gone(ourselves() + "1")


def test_a_process_of_another_machine_is_never_taken_for_dead() -> None:
    """Nobody here can know whether it lives; neither can anybody of a name that is no process."""
    assert not is_gone("elsewhere:1:1.00")
    assert not is_gone("")
