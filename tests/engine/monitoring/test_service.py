"""The service runs what is due, tells of it, and ends in order, whatever its runs, listeners and clock do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from assay.events import Probe, ProbeResult
from assay.monitor import Monitor
from assay.runners.scheduler.service import CONFIGURATION, Ending, Service
from assay.runners.scheduler.telling import Task
from tests.engine.monitoring.stand_ins import Acting, Hands, watching
from tests.engine.monitoring.test_slots import soon


class Rig:
    """A service by clocks moved by hand: what it told, and what it said."""

    def __init__(self, hands: Hands, *monitors: Monitor, **more: Any) -> None:
        self.hands, self.acting = hands, Acting(now=lambda: hands.now)
        self.told: list[Probe] = []
        self.said: list[str] = []
        self.service = Service(
            "local",
            {each.name: each for each in monitors},
            probe=self.acting,
            listeners=[self._hear, *more.pop("listeners", [])],
            clock=hands.clock(),
            log=self.said.append,
            **{"grace_s": 5.0, "undo_budget_s": 0.0, "finish_s": 2.0, **more},
        )
        self.service.round()

    def _hear(self, event: object) -> None:
        assert isinstance(event, Probe)
        self.told.append(event)

    def passes(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass in steps, each handed out and worked off."""
        for _ in range(round(seconds / step)):
            self.hands.passes(step)
            self.service.round()
            assert soon(self._at_rest)

    def _at_rest(self) -> bool:
        """Whether every run is over; of runs that hang, whether each has its slot as far as there are any."""
        slots = self.service._slots
        running = [slots.is_running(name) for name in slots.busy]
        if self.acting.acts:
            return running.count(True) == min(len(running), slots.workers)
        return not running

    def results(self, name: str) -> list[ProbeResult]:
        """Return what the runs of a monitor came to."""
        return [each.result for each in list(self.told) if each.monitor == name]

    @property
    def log(self) -> str:
        """All that was said."""
        return "\n".join(self.said)


def test_what_is_due_is_run_and_told(hands: Hands) -> None:
    """Each run is told to every listener once, under its due time, in order."""
    others: list[object] = []
    rig = Rig(hands, watching("a"), watching("b", interval_s=30.0), listeners=[others.append])
    rig.passes(120)
    assert soon(lambda: len(rig.told) == 6 and len(others) == 6)
    assert [each.due_at for each in rig.told] == sorted(each.due_at for each in rig.told)
    assert len({(each.monitor, each.due_at) for each in rig.told}) == 6


def test_a_run_that_is_not_over_is_not_joined_by_another(hands: Hands) -> None:
    """The next turn is missed: told as such, with the reason, and said."""
    rig = Rig(hands, watching("slow", interval_s=10.0))
    gate = threading.Event()
    rig.acting.acts["slow"] = lambda _: gate.wait(20)
    rig.passes(25)
    assert soon(lambda: ProbeResult.MISSED in rig.results("slow"))
    missed = next(each for each in rig.told if each.result is ProbeResult.MISSED)
    assert "its last run is still going on" in missed.trouble[0]
    assert "slow missed its turn of" in rig.log
    assert len(rig.acting.ran) == 1
    gate.set()


def test_a_monitor_without_a_slot_says_so(hands: Hands) -> None:
    """With one slot that is taken, the others wait, and miss their next turn for want of a slot."""
    rig = Rig(
        hands, watching("hog", interval_s=600.0, timeout_s=500.0), *(watching(f"m{n}") for n in range(3)), workers=1
    )
    gate = threading.Event()
    rig.acting.acts = dict.fromkeys(["hog", "m0", "m1", "m2"], lambda _: gate.wait(20))
    rig.passes(300)
    assert soon(lambda: any("no slot was free: 1 other" in "".join(each.trouble) for each in rig.told))
    gate.set()


def test_a_clock_set_on_is_said_and_every_monitor_runs_once(hands: Hands) -> None:
    """After a jump of three hours each monitor runs once; what it missed is one probe that says how many."""
    rig = Rig(hands, watching("a"), watching("b", interval_s=30.0))
    hands.is_set(3 * 3600)
    rig.service.round()
    assert soon(lambda: len(rig.told) == 4)
    assert sorted(rig.results("a")) == sorted(rig.results("b")) == [ProbeResult.MISSED, ProbeResult.PASSED]
    (missed,) = [each for each in rig.told if each.monitor == "a" and each.result is ProbeResult.MISSED]
    assert "179 runs were missed: the clock was moved on by 10800 s" in missed.trouble[0]
    assert "the clock was moved on by 10800.0 s: what was due meanwhile is run once" in rig.log
    assert (rig.service.missed, rig.service.clock.jumps) == (179 + 359, 1)


def test_a_clock_put_back_is_said_and_nobody_is_silent(hands: Hands) -> None:
    """After a jump back of an hour the monitor comes within its interval, and no turn twice."""
    rig = Rig(hands, watching("a"))
    rig.passes(180)
    hands.is_set(-3600)
    rig.passes(120)
    assert soon(lambda: len(rig.told) == 5)
    assert len({each.due_at for each in rig.told}) == 5
    assert "the clock was moved back by 3600.0 s" in rig.log
    assert rig.service.missed == 0


def test_a_first_failure_is_confirmed_once_before_the_next_turn(hands: Hands) -> None:
    """A run that fails first is run again after 0.4 of its interval; one that goes on failing is not."""
    rig = Rig(hands, watching("a", interval_s=100.0))
    rig.acting.results["a"] = ProbeResult.FAILED
    rig.passes(290)
    assert soon(lambda: len(rig.told) >= 4)
    first, confirming, second, third = (each.due_at for each in rig.told[:4])
    assert 39 < (confirming - first).total_seconds() < 43
    assert (second - first).total_seconds() == pytest.approx(100)
    assert (third - second).total_seconds() == pytest.approx(100)


def test_what_is_no_verdict_is_not_confirmed(hands: Hands) -> None:
    """An error says nothing of the shop: the next turn is soon enough."""
    rig = Rig(hands, watching("a", interval_s=100.0))
    rig.acting.results["a"] = ProbeResult.ERROR
    rig.passes(190)
    assert soon(lambda: len(rig.told) >= 1)
    assert len(rig.told) <= 2


def test_a_hanging_run_is_told_as_stuck_with_its_stack(hands: Hands) -> None:
    """It is told once with where it hangs; its monitor runs on in another slot; what it says late is not counted."""
    rig = Rig(hands, watching("hangs", interval_s=20.0, timeout_s=5.0), workers=1)
    gate = threading.Event()
    rig.acting.acts["hangs"] = lambda _: gate.wait(20)
    while not rig.acting.ran:
        rig.passes(1)
    hands.passes(11)
    rig.service.look()
    assert soon(lambda: rig.results("hangs") == [ProbeResult.STUCK])
    assert "gate.wait(20)" in rig.told[0].stack
    assert rig.told[0].seconds >= 10
    rig.acting.acts.clear()
    gate.set()
    assert soon(lambda: "came back" in rig.log)
    assert "which is not counted" in rig.log
    rig.passes(20)
    assert soon(lambda: rig.results("hangs") == [ProbeResult.STUCK, ProbeResult.PASSED])


def test_after_three_stuck_runs_the_process_begins_anew(hands: Hands) -> None:
    """The third ends the service, which says that it is to be started again."""
    rig = Rig(hands, *(watching(f"m{n}", interval_s=20.0, timeout_s=5.0) for n in range(3)))
    gate = threading.Event()
    rig.acting.acts = {f"m{n}": lambda _: gate.wait(20) for n in range(3)}
    rig.passes(20)
    assert soon(lambda: len(rig.acting.ran) == 3)
    hands.passes(30)
    rig.service.look()
    ending = rig.service.run()
    assert ending == Ending("restart", ("m0", "m1", "m2"))
    assert "begins anew" in rig.log
    assert sum(rig.service.stuck.values()) == 3
    gate.set()


class Shared:
    """Turns of which some are somebody else's."""

    def __init__(self, theirs: Callable[[str], bool]) -> None:
        self.theirs, self.finished = theirs, list[str]()

    def take(self, monitor: Monitor, due_at: datetime) -> bool:
        """Take a turn that is not theirs."""
        return not self.theirs(monitor.name)

    def finish(self, monitor: Monitor, due_at: datetime) -> None:
        """Note it."""
        self.finished.append(monitor.name)


def test_a_turn_that_is_somebody_elses_is_not_run(hands: Hands) -> None:
    """Nothing is told of it, here; each turn of our own is finished, the one that hangs, too."""
    turns = Shared(lambda name: name == "theirs")
    rig = Rig(hands, watching("ours"), watching("theirs"), turns=turns)
    rig.passes(60)
    assert soon(lambda: turns.finished == ["ours"])
    assert [name for name, _ in rig.acting.ran] == ["ours"]
    assert rig.results("theirs") == []
    assert rig.service.elsewhere == 1


def test_a_listener_that_fails_or_hangs_holds_up_nobody(hands: Hands) -> None:
    """It is said once; all others hear every run."""
    gate = threading.Event()

    def raises(_: object) -> None:
        raise ValueError("full")

    def hangs(_: object) -> None:
        gate.wait(20)

    rig = Rig(hands, watching("a", interval_s=10.0), listeners=[raises, hangs])
    rig.passes(60)
    assert soon(lambda: len(rig.told) == 6)
    assert soon(lambda: rig.log.count("ValueError: full") == 1)
    gate.set()


@pytest.fixture
def running() -> Iterator[Callable[..., tuple[Service, list[Ending], list[str]]]]:
    """Return what starts a service by real clocks in a thread; all are ended afterwards."""
    started: list[tuple[Service, threading.Thread]] = []

    def start(probe: Acting, *monitors: Monitor, **more: Any) -> tuple[Service, list[Ending], list[str]]:
        said: list[str] = []
        service = Service("local", {each.name: each for each in monitors}, probe=probe, log=said.append, **more)
        ended: list[Ending] = []
        thread = threading.Thread(target=lambda: ended.append(service.run()), daemon=True)
        thread.start()
        started.append((service, thread))
        return service, ended, said

    yield start
    for service, thread in started:
        service.stop()
        thread.join(10)


Start = Callable[..., tuple[Service, list[Ending], list[str]]]


def test_it_ends_when_what_runs_has_finished(running: Start) -> None:
    """`stop` begins nothing new, lets what runs finish, tells all of it, and says that nothing is left."""
    acting, told = Acting(), list[object]()
    acting.acts["a"] = lambda _: time.sleep(0.3)
    service, ended, _ = running(acting, watching("a", interval_s=0.5), listeners=[told.append])
    assert soon(lambda: len(acting.ran) == 2)
    service.stop()
    assert soon(lambda: ended == [Ending("stopped")])
    assert len(told) == len(acting.ran)


def test_what_does_not_finish_is_asked_to_end(running: Start) -> None:
    """After the time to finish a run's stop event is set, and what it comes to is told."""
    acting, told = Acting(), list[object]()
    acting.acts["a"] = lambda stop: stop.wait(20)
    service, ended, said = running(
        acting, watching("a", interval_s=0.3, timeout_s=25.0), listeners=[told.append], finish_s=0.2
    )
    assert soon(lambda: acting.ran)
    service.stop()
    assert soon(lambda: ended == [Ending("stopped")])
    assert len(told) >= 1
    assert any(line.startswith("asked to end and to take back what they created") for line in said)


def test_tasks_run_beside_and_survive_what_they_raise(running: Start) -> None:
    """A task comes again after it failed, and its failure is said once."""
    calls = list[int]()

    def act() -> None:
        calls.append(1)
        raise OSError("no room")

    _, _, said = running(Acting(), watching("a"), tasks=[Task(name="sweep", act=act, every_s=0.02)])
    assert soon(lambda: len(calls) > 3)
    assert [line for line in said if "sweep" in line] == ["sweep failed, and is tried again: OSError: no room"]


class Files:
    """Changed files as the service hears of them."""

    def __init__(self) -> None:
        self.found: list[Any] = []

    def look(self) -> Any:
        """Return what is to be found next."""
        return self.found.pop(0) if self.found else None


def test_a_changed_file_is_taken_up_and_a_bad_one_is_not(hands: Hands) -> None:
    """A bad file is said and told as a failing probe of the process; the old ones go on; mending it is told."""
    files = Files()
    rig = Rig(hands, watching("a"), changing=files)
    files.found = [ValueError("monitors/own.toml is no TOML")]
    rig.service.look()
    assert soon(lambda: rig.results(CONFIGURATION) == [ProbeResult.FAILED])
    assert "no TOML" in rig.told[-1].findings[0].seen
    rig.passes(60)
    assert soon(lambda: rig.results("a") == [ProbeResult.PASSED])
    files.found = [{"b": watching("b"), "a": watching("a", title="other words")}]
    rig.service.look()
    assert soon(lambda: rig.results(CONFIGURATION) == [ProbeResult.FAILED, ProbeResult.PASSED])
    assert "new: b; changed: a" in rig.log
    rig.passes(60)
    assert soon(lambda: rig.results("a") == [ProbeResult.PASSED] * 2 and rig.results("b") == [ProbeResult.PASSED])
    files.found = [{"b": watching("b")}]
    rig.service.look()
    assert rig.service.next_due().keys() == {"b"}


def test_running_once_runs_each_monitor_once() -> None:
    """Every monitor that runs here comes to one probe, the one that hangs to a stuck one."""
    acting = Acting(results={"bad": ProbeResult.FAILED})
    gate = threading.Event()
    acting.acts["hangs"] = lambda _: gate.wait(20)
    monitors = [watching("good"), watching("bad"), watching("hangs", timeout_s=0.2), watching("far", location="moon")]
    service = Service(
        "local",
        {each.name: each for each in monitors},
        probe=acting,
        runs_here=lambda each: each.runs_at("local", "here"),
        grace_s=0.2,
        undo_budget_s=0.0,
    )
    found = {each.monitor: each.result for each in service.run_once()}
    assert found == {"good": ProbeResult.PASSED, "bad": ProbeResult.FAILED, "hangs": ProbeResult.STUCK}
    gate.set()
