"""Notices that a process of the landscape died while cases ran: what is judged without it would be judged wrongly."""

from __future__ import annotations

from pathlib import Path

from assay.errors import InfrastructureError
from assay.local.processes import last_words
from assay.local.state import Home


class Vitals:
    """What lived in a landscape when this was made, watched; where nothing of it is ours there is nothing to watch."""

    def __init__(self, home: Home) -> None:
        self._name = home.path.name
        self._lived = {name: each for name, each in home.read().processes.items() if each.alive}

    def loss(self) -> InfrastructureError | None:
        """Return what died since, as the error it is; None while all live."""
        dead = {name: each for name, each in self._lived.items() if not each.alive}
        if not dead:
            return None
        names = " and ".join(dead)
        return InfrastructureError(
            f"{names} died while cases ran: what they were to witness is not known",
            where=", ".join(f"{name}, pid {each.pid}" for name, each in dead.items()),
            expected="every process of the landscape alive from the first step to the verdict",
            seen="; ".join(f"{name}: {last_words(Path(each.log), lines=2)}" for name, each in dead.items()),
            hint=f"`assay up --env {self._name}` repairs a landscape that is up; then run again",
        )

    def check(self) -> None:
        """Raise `InfrastructureError` where something died."""
        if (loss := self.loss()) is not None:
            raise loss
