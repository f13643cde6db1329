"""A process that lives for months gives back what its runs have freed."""

from __future__ import annotations

import gc
import threading

import psutil
import pytest

from assay.runners.scheduler.memory import give_back


def test_what_threads_freed_goes_back_to_the_system() -> None:
    """Memory that many threads took in small pieces and freed is the process's no longer afterwards."""
    trim = give_back()
    if trim is None:
        pytest.skip("this C library keeps what is freed: malloc_trim is glibc's")

    def work() -> None:
        pieces = [bytes(1000) for _ in range(40_000)]
        kept.append(pieces[-1])  # the last piece holds everything before it in place

    kept: list[bytes] = []
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    before = psutil.Process().memory_info().rss
    trim()
    assert len(kept) == 4
    assert psutil.Process().memory_info().rss < before - 20_000_000
