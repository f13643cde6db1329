"""What readers may change: silences and the kill switch; the same for forms and for the API."""

from __future__ import annotations

from datetime import timedelta

from assay.errors import AssayError, SafetyError, did_you_mean
from assay.monitor import matches
from assay.reporting.status.problems import Problem, Wrong
from assay.reporting.status.reading import Reading
from assay.reporting.status.source import StatusSource
from assay.reporting.text import one_line

LONGEST_S = 366 * 86_400
_MOST_REASON, _MOST_NAME, _MOST_MONITORS = 500, 128, 100


def make_silence(source: StatusSource, *, monitors: tuple[str, ...], reason: str, by: str, seconds: float) -> int:
    """Keep monitors quiet from now on and return the silence's number; `Problem` says what is wrong.

    monitors: names, with * for any letters; a name that nobody has is refused (404), lest the wrong one stays loud.
    """
    wrong = _wrong(monitors, reason, by, seconds)
    if wrong:
        raise Problem(422, "This silence cannot be made", _said(wrong), wrong=wrong)
    _refuse_strangers(source, monitors)
    now = source.now()
    until = now + timedelta(seconds=seconds)
    try:
        return source.store.alerts.silence(source.environment, monitors, one_line(reason), one_line(by), until, now=now)
    except AssayError as error:
        raise _away(error) from None


def end_silence(source: StatusSource, number: int) -> None:
    """End a silence now; `Problem` 404 where none of that number holds."""
    try:
        ended = source.store.alerts.unsilence(number, source.now(), environment=source.environment)
    except AssayError as error:
        raise _away(error) from None
    if not ended:
        raise Problem(404, f"No silence {number} holds", "It ended, or never was.")


def throw_kill_switch(source: StatusSource, on: bool, by: str) -> None:
    """Throw the kill switch or put it back; `Problem` 409 where this process cannot change it."""
    switch = source.kill_switch()
    if not switch.can_change:
        raise Problem(409, "The kill switch is not ours to change", f"It is held by {switch.where}.")
    try:
        source.throw_kill_switch(on, by)
    except SafetyError as error:
        raise Problem(409, error.message[:1].upper() + error.message[1:], error.hint or "") from None
    except AssayError as error:
        raise _away(error) from None


def _wrong(monitors: tuple[str, ...], reason: str, by: str, seconds: float) -> list[Wrong]:
    wrong = []
    if not 0 < len(monitors) <= _MOST_MONITORS or any(not 0 < len(each) <= _MOST_NAME for each in monitors):
        wrong.append(Wrong("monitors", f"1 to {_MOST_MONITORS} names of at most {_MOST_NAME} letters"))
    for name, text, most in (("reason", reason, _MOST_REASON), ("by", by, _MOST_NAME)):
        if not text.strip() or len(text) > most:
            wrong.append(Wrong(name, f"1 to {most} letters that tell others {'why' if name == 'reason' else 'who'}"))
    if not 0 < seconds <= LONGEST_S:
        wrong.append(Wrong("seconds", "more than 0 seconds and at most 366 days"))
    return wrong


def _refuse_strangers(source: StatusSource, monitors: tuple[str, ...]) -> None:
    known = {*Reading(source).names(), *(line.name for line in source.alerts())}
    for each in monitors:
        if not each.isprintable() or not any(matches(name, (each,)) for name in known):
            hint = did_you_mean(each, sorted(known)[:500])[:300]
            raise Problem(404, f"There is no monitor '{one_line(each)}'", hint)


def _said(wrong: list[Wrong]) -> str:
    return "; ".join(f"{each.field}: expected {each.expected}" for each in wrong)


def _away(error: AssayError) -> Problem:
    return Problem(503, error.message[:1].upper() + error.message[1:], error.hint or "Try again in a minute.")
