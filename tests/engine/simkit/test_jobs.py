"""Jobs and webhooks run in simulated time: at their own instant, in order, with retries, over restarts."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from datetime import timedelta

from assay.local.clock import LandscapeClock

from .conftest import START, Demo, Receiver

MINUTE = timedelta(minutes=1)


def test_jobs_run_in_order_at_their_own_instant(serve: Callable[..., Demo], clock: LandscapeClock) -> None:
    """Jobs planned in any order run by due time, each seeing its own instant; what is not due waits."""
    demo = serve()
    for in_s, name in ((120, "b"), (60, "a"), (120, "b2"), (600, "later")):
        demo.plan(in_s, "note", name)
    clock.advance(5 * MINUTE, [demo.settle])
    assert demo.notes() == [("a", START + MINUTE), ("b", START + 2 * MINUTE), ("b2", START + 2 * MINUTE)]
    assert demo.settle() == START + 10 * MINUTE


def test_a_job_in_one_simulator_reaches_another_at_its_instant(
    serve: Callable[..., Demo], clock: LandscapeClock
) -> None:
    """A job that plans itself again and posts to another simulator: all of it has happened, in time, on return."""
    one, other = serve(), serve()
    one.plan(60, "again", {"left": 3, "every_s": 60, "url": f"{other.url}/hook"})
    clock.advance(timedelta(hours=1), [other.settle, one.settle])
    instants = [START + n * MINUTE for n in range(1, 5)]
    assert one.notes() == [(f"again {left}", at) for left, at in zip((3, 2, 1, 0), instants, strict=True)]
    assert other.notes() == [(f"hook {left}", at) for left, at in zip((3, 2, 1, 0), instants, strict=True)]


def test_jobs_run_by_themselves_when_the_clock_runs(serve: Callable[..., Demo], clock: LandscapeClock) -> None:
    """Nobody need settle a landscape whose clock runs at the speed of real time."""
    demo = serve()
    clock.run()
    demo.plan(0.1, "note", "by itself")
    deadline = time.monotonic() + 5
    while not demo.notes() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [text for text, _ in demo.notes()] == ["by itself"]


def test_a_job_that_fails_is_undone_and_stops_no_other(serve: Callable[..., Demo], clock: LandscapeClock) -> None:
    """A fault of one job leaves nothing half done, is in the log, is not tried for ever, and others run."""
    demo = serve()
    demo.plan(60, "fail")
    demo.plan(60, "no such job")
    demo.plan(120, "note", "after it")
    clock.advance(5 * MINUTE, [demo.settle])
    assert demo.notes() == [("after it", START + 2 * MINUTE)]
    assert demo.settle() is None
    assert "RuntimeError: a fault of the job" in demo.log
    demo.end()
    demo.start()
    assert demo.notes() == [("after it", START + 2 * MINUTE)]


def test_jobs_survive_a_kill(serve: Callable[..., Demo], clock: LandscapeClock) -> None:
    """A planned job runs after kill -9 and restart, at its own instant, once."""
    demo = serve()
    demo.plan(60, "note", "planned before")
    demo.end(signal.SIGKILL)
    demo.start()
    clock.advance(5 * MINUTE, [demo.settle])
    demo.end(signal.SIGKILL)
    demo.start()
    demo.settle()
    assert demo.notes() == [("planned before", START + MINUTE)]


def test_a_webhook_is_sent_once_and_only_once_when_taken(
    serve: Callable[..., Demo], clock: LandscapeClock, receiver: Receiver
) -> None:
    """A webhook taken with 2xx is not sent again."""
    demo = serve()
    receiver.answers = [204]
    demo.plan(60, "post", {"url": receiver.url, "body": "hello ☕", "retries_s": [60, 60]})
    clock.advance(timedelta(days=1), [demo.settle])
    assert receiver.bodies == ["hello ☕"]


def test_a_refused_webhook_is_sent_again_in_simulated_time(
    serve: Callable[..., Demo], clock: LandscapeClock, receiver: Receiver
) -> None:
    """Refusals are retried after the vendor's spans of simulated time until one is taken."""
    demo = serve()
    receiver.answers = [500, 302, 404, 200]
    demo.plan(0, "post", {"url": receiver.url, "body": "x", "retries_s": [60, 3600, 86400, 86400]})
    assert demo.settle() == START + MINUTE
    assert len(receiver.got) == 1
    clock.advance(MINUTE, [demo.settle])
    assert len(receiver.got) == 2
    clock.advance(timedelta(minutes=59), [demo.settle])
    assert len(receiver.got) == 2
    clock.advance(timedelta(days=10), [demo.settle])
    assert len(receiver.got) == 4


def test_a_vendor_gives_up_after_its_last_retry(
    serve: Callable[..., Demo], clock: LandscapeClock, receiver: Receiver
) -> None:
    """A webhook nobody takes is sent once and once a retry, then forgotten."""
    demo = serve()
    receiver.answers = [500] * 10
    demo.plan(0, "post", {"url": receiver.url, "body": "x", "retries_s": [60, 60]})
    clock.advance(timedelta(days=1), [demo.settle])
    assert len(receiver.got) == 3
    assert demo.settle() is None


def test_nobody_listening_is_a_refusal(serve: Callable[..., Demo], clock: LandscapeClock, receiver: Receiver) -> None:
    """A receiver that is down gets the webhook after it came back, by a retry."""
    demo, late = serve(), serve()
    late.end()
    demo.plan(0, "post", {"url": f"{late.url}/hook", "body": "x", "retries_s": [60, 60]})
    clock.advance(timedelta(seconds=30), [demo.settle])
    late.start()
    clock.advance(MINUTE, [demo.settle, late.settle])
    assert late.notes() == [("hook x", START + MINUTE)]


def test_a_retry_is_signed_anew_where_the_vendor_does_so(
    serve: Callable[..., Demo], clock: LandscapeClock, receiver: Receiver
) -> None:
    """A renewing webhook passes through its head's job, which stamps each attempt with its own instant."""
    demo = serve()
    receiver.answers = [500, 500, 200]
    demo.plan(0, "post", {"url": receiver.url, "body": "x", "retries_s": [60, 60], "renew": "sign"})
    clock.advance(timedelta(hours=1), [demo.settle])
    stamps = [headers.get("x-signed-at") for _, headers in receiver.got]
    assert stamps == [None, (START + MINUTE).isoformat(), (START + 2 * MINUTE).isoformat()]


def test_what_was_taken_can_be_sent_once_more(
    serve: Callable[..., Demo], clock: LandscapeClock, receiver: Receiver
) -> None:
    """Each webhook that was taken goes out again when asked, one that is signed anew with a new stamp."""
    demo = serve()
    receiver.answers = [500, *[200] * 10]
    demo.plan(0, "post", {"url": receiver.url, "body": "plain", "retries_s": [60]})
    demo.plan(0, "post", {"url": receiver.url, "body": "signed", "retries_s": [60], "renew": "sign"})
    clock.advance(timedelta(minutes=2), [demo.settle])
    taken = len(receiver.got)
    for _ in range(2):
        assert demo.admin("POST", "redeliver", {})["sent"] == 2
    again = receiver.got[taken:]
    assert sorted(receiver.bodies[taken:]) == ["plain", "plain", "signed", "signed"]
    assert sum("x-signed-at" in headers for _, headers in again) == 2


def test_webhooks_go_out_together(serve: Callable[..., Demo], clock: LandscapeClock, receiver: Receiver) -> None:
    """Twenty webhooks to a slow receiver do not queue one behind the other, and none is lost or doubled."""
    demo = serve()
    receiver.hold_s = 0.2
    for number in range(20):
        demo.plan(0, "post", {"url": receiver.url, "body": str(number)})
    began = time.monotonic()
    demo.settle()
    assert time.monotonic() - began < 3, "one after the other they take four seconds"
    assert sorted(receiver.bodies, key=int) == [str(number) for number in range(20)]
    assert receiver.at_once > 1


def test_settling_waits_for_what_is_on_its_way(
    serve: Callable[..., Demo], clock: LandscapeClock, receiver: Receiver
) -> None:
    """`settle` answers only when a webhook the ticker had already sent off has arrived and been taken."""
    demo = serve()
    receiver.hold_s = 0.5
    demo.plan(0, "post", {"url": receiver.url, "body": "slow"})
    deadline = time.monotonic() + 5
    while not receiver.inside and time.monotonic() < deadline:
        time.sleep(0.01)
    assert receiver.inside == 1
    assert demo.settle() is None
    assert receiver.bodies == ["slow"]


def test_a_kill_loses_no_webhook(serve: Callable[..., Demo], clock: LandscapeClock, receiver: Receiver) -> None:
    """A webhook whose sender is killed while it waits for the answer is sent again after the restart."""
    demo = serve()
    receiver.hold_s = 0.3
    demo.plan(0, "post", {"url": receiver.url, "body": "x"})
    deadline = time.monotonic() + 5
    while not receiver.inside and time.monotonic() < deadline:
        time.sleep(0.01)
    demo.end(signal.SIGKILL)
    demo.start()
    demo.settle()
    assert receiver.bodies == ["x", "x"]
