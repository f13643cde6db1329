"""Slots run so many at once, ask what is late to end, and give up what never comes back without losing a slot."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from assay.runners.scheduler.slots import Slots
from tests.engine.monitoring.stand_ins import Hands


@dataclass(frozen=True)
class Job:
    """A run as slots see it."""

    name: str
    timeout_s: float = 10.0
    grace_s: float = 5.0


@dataclass
class Heard:
    """What the slots told."""

    done: list[str] = field(default_factory=list)
    stuck: list[tuple[str, float, str]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    gates: dict[str, threading.Event] = field(default_factory=dict)

    def act(self, job: Job, stop: threading.Event) -> str:
        """Wait for the job's gate, whatever `stop` says, where it has one; else for nothing."""
        if gate := self.gates.get(job.name):
            gate.wait(20)
        return "stopped" if stop.is_set() else "done"


@pytest.fixture
def heard() -> Iterator[Heard]:
    """What was told; every gate is open in the end."""
    told = Heard()
    yield told
    for gate in told.gates.values():
        gate.set()


def slots_of(heard: Heard, hands: Hands, workers: int = 2) -> Slots[Job, str]:
    """Return slots that tell `heard`, by clocks moved by hand."""
    return Slots(
        workers,
        act=heard.act,
        done=lambda job, _: heard.done.append(job.name),
        stuck=lambda job, seconds, stack: heard.stuck.append((job.name, seconds, stack)),
        dropped=lambda job, _, said: heard.dropped.append(f"{job.name} {said}"),
        monotonic=lambda: hands.runs,
    )


def soon(condition: object) -> bool:
    """Return whether it comes true within a few seconds."""
    assert callable(condition)
    until = time.monotonic() + 10
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.002)
    return True


def test_a_name_runs_once_at_a_time(heard: Heard, hands: Hands) -> None:
    """While a run goes on, or waits for a slot, another of the same name is not taken."""
    heard.gates = {"a": threading.Event()}
    slots = slots_of(heard, hands)
    assert slots.submit(Job("a"))
    assert not slots.submit(Job("a"))
    assert slots.submit(Job("b"))
    heard.gates["a"].set()
    assert soon(lambda: sorted(heard.done) == ["a", "b"])
    assert soon(lambda: slots.submit(Job("a")))


def test_what_finds_no_slot_waits_for_one(heard: Heard, hands: Hands) -> None:
    """With every slot taken a run waits, and says so; it runs when one is free."""
    heard.gates = {"a": threading.Event(), "b": threading.Event()}
    slots = slots_of(heard, hands)
    for name in ("a", "b", "c"):
        assert slots.submit(Job(name))
    assert soon(lambda: slots.is_running("a") and slots.is_running("b"))
    assert slots.is_running("c") is False
    assert slots.is_running("d") is None
    heard.gates["b"].set()
    assert soon(lambda: "c" in heard.done)


def test_a_run_past_its_deadline_is_asked_to_end(heard: Heard, hands: Hands) -> None:
    """Its stop event is set at its deadline and not before, and its own word counts where it ends in its grace."""
    heard.gates = {"a": threading.Event()}
    slots = slots_of(heard, hands)
    slots.submit(Job("a"))
    assert soon(lambda: slots.is_running("a"))
    hands.passes(9)
    slots.watch()
    assert slots.stop_running() == ["a"]
    hands.passes(2)
    slots.watch()
    assert heard.stuck == []
    heard.gates["a"].set()
    assert soon(lambda: heard.done == ["a"])


def test_a_run_that_never_comes_back_costs_no_slot(heard: Heard, hands: Hands) -> None:
    """After deadline and grace it is stuck, told once with its stack; the slot works on; its late word is dropped."""
    heard.gates = {"hangs": threading.Event()}
    slots = slots_of(heard, hands, workers=1)
    slots.submit(Job("hangs"))
    slots.submit(Job("waits"))
    assert soon(lambda: slots.is_running("hangs"))
    hands.passes(15.5)
    slots.watch()
    slots.watch()
    ((name, seconds, stack),) = heard.stuck
    assert (name, seconds) == ("hangs", 15.5)
    assert "gate.wait(20)" in stack
    assert "test_slots.py" in stack
    assert soon(lambda: heard.done == ["waits"])
    assert slots.never_back == ["hangs"]
    assert soon(lambda: slots.submit(Job("again")))
    heard.gates["hangs"].set()
    assert soon(lambda: heard.dropped == ["hangs stopped"])
    assert "hangs" not in heard.done
    assert slots.never_back == []


def test_what_waits_can_be_taken_back(heard: Heard, hands: Hands) -> None:
    """At the end what has no slot yet is not begun."""
    heard.gates = {"a": threading.Event()}
    slots = slots_of(heard, hands, workers=1)
    slots.submit(Job("a"))
    assert soon(lambda: slots.is_running("a"))
    slots.submit(Job("b"))
    assert [job.name for job in slots.forget_waiting()] == ["b"]
    assert slots.busy == ["a"]
