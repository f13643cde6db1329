"""Looks at an own connector before anything is called: can it be imported, is its class there, has it its verbs."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from assay.errors import AssayError
from assay.landscape import connector_class, find_connector
from assay.local.doctor import Check
from assay.local.plan import Plan
from assay.roles import ROLES

VERBS = {"place": "place(self, purchase)", "order": "order(self, ref)", "orders": "orders(self, since, until)"}
_GIVEN = {"place": 1, "order": 1, "orders": 2}


def shop_of(plan: Plan) -> str | None:
    """Return the id of the platform under test; None where the environment has no shop."""
    return next(iter(plan.environment.with_role("shop")), None)


def examine_connector(shop: str) -> Iterator[Check]:
    """Look at a shop's connector as it is written; nothing is called. It ends with the first thing that is wrong."""
    place = f"connectors/{shop}.py"
    try:
        found = connector_class(find_connector(shop), shop)
    except AssayError as error:
        yield refused(place, error)
        return
    if left := sorted(getattr(found, "__abstractmethods__", ())):
        seen, do = f"class {found.__name__} lacks {', '.join(left)}", f"write def {left[0]}; its base says what it does"
        yield Check(name=place, state="wrong", seen=seen, do=do)
        return
    yield Check(name=place, state="ok", seen=f"class {found.__name__}")
    for verb, shape in VERBS.items():
        if (check := _verb(found, verb, shape)) is not None:
            yield check


def lacking(connector: Any, role: str) -> list[str]:
    """Return the verbs of a role that a connector lacks."""
    return [name for name in vars(ROLES[role]) if not name.startswith("_") and not hasattr(connector, name)]


def refused(name: str, error: AssayError) -> Check:
    """Return an error of ours as something doctor looked at, in one sentence."""
    seen = f"{error.message}{f' ({error.seen})' if error.seen else ''}"
    do = error.hint or error.expected or "see the sentence"
    return Check(name=name, state="broken" if error.exit_code == 3 else "wrong", seen=seen, do=do)


def _verb(found: type, verb: str, shape: str) -> Check | None:
    written = getattr(found, verb, None)
    if not callable(written):
        return Check(
            name=verb, state="wrong", seen=f"class {found.__name__} lacks the verb {verb}", do=f"write def {shape}"
        )
    try:
        inspect.signature(written).bind(*[None] * (_GIVEN[verb] + 1))
    except TypeError as error:
        return Check(name=verb, state="wrong", seen=f"{verb} cannot be called: {error}", do=f"write def {shape}")
    return None
