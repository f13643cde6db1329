"""Errors explain themselves and carry the exit code of their kind."""

from __future__ import annotations

import pytest

from assay.errors import AssayError, InfrastructureError, SafetyError, UsageError, did_you_mean


def test_an_error_shows_every_part_it_has_in_order() -> None:
    """The message stands first, then where, expected, seen and what to do, each on a line of its own."""
    error = UsageError("no such key", where="assay.toml", expected="host", seen="hots", hint="did you mean 'host'?")
    assert str(error).splitlines() == [
        "no such key",
        "  where:    assay.toml",
        "  expected: host",
        "  seen:     hots",
        "  do:       did you mean 'host'?",
    ]


def test_an_error_leaves_out_what_it_does_not_know() -> None:
    """A part that is absent takes no line; an empty one is shown, because it was seen."""
    assert str(UsageError("odd")) == "odd"
    assert str(UsageError("odd", seen="")).splitlines() == ["odd", "  seen:     "]


@pytest.mark.parametrize(("kind", "code"), [(UsageError, 2), (InfrastructureError, 3), (SafetyError, 4)])
def test_each_kind_has_its_exit_code(kind: type[AssayError], code: int) -> None:
    """The exit codes are those the command line promises, and every kind is an AssayError."""
    assert kind("x").exit_code == code
    assert issubclass(kind, AssayError)


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("stirpe", ["stripe", "ups"], "did you mean 'stripe'?"),
        ("mon", ["MON", "PAY"], "did you mean 'MON'?"),
        ("zzz", ["ups", "stripe", "ups"], "known: stripe, ups"),
        ("zzz", [], "none is known"),
    ],
)
def test_did_you_mean(name: str, known: list[str], said: str) -> None:
    """A near name is suggested, otherwise all known names are listed once and sorted."""
    assert did_you_mean(name, known) == said
