"""Where what several runs or machines share is kept: results, and the undo ledger of systems that are not ours."""

from __future__ import annotations

import os
from pathlib import Path

from assay.errors import UsageError
from assay.local.plan import Plan
from assay.profile import read_credential

VARIABLE = "ASSAY_STORE"


def store_of(plan: Plan) -> Path | str:
    """Return where an environment's store is: ``ASSAY_STORE``, else the profile's ``[store] url``, else its own file.

    A file of the profile begins at its folder. `UsageError` where the variable the profile names is not set.
    """
    if told := os.environ.get(VARIABLE):
        return _address(told, Path())
    wanted = plan.profile.store.url
    if wanted is None:
        return plan.home.store
    if not wanted.startswith("env:"):
        return _address(wanted.removeprefix("file:"), plan.profile.folder)
    address = read_credential(wanted)
    if not address:
        raise UsageError(
            f"the profile's store is {wanted}, which is not set",
            where="[store] url",
            expected="the address of a store, such as postgresql://user:password@host/assay",
            hint=f"export {wanted.removeprefix('env:')}=…, or take the line out to keep a file for each environment",
        )
    return _address(address, plan.profile.folder)


def is_disposable(plan: Plan) -> bool:
    """Whether every system is one of ours, so that nothing created in it needs to be taken back."""
    return {system.mode for system in plan.environment.systems.values()} <= {"simulated", "stub", "recorded"}


def ledger_place(plan: Plan) -> Path | str:
    """Return where leases and the undo ledger are: beside the landscape if it is all ours, else in the store."""
    return plan.home.store if is_disposable(plan) else store_of(plan)


def _address(text: str, folder: Path) -> Path | str:
    return text if "://" in text else folder / Path(text).expanduser()
