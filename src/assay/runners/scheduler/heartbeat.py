"""The dead man's switch: an outside address that is called as long as this process is healthy, and no longer.

Whoever listens there wakes somebody when the calls stop: the one alarm that does not need this process to be alive.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from assay import __version__
from assay.errors import AssayError, UsageError
from assay.http import Client, open_client
from assay.local.plan import Plan
from assay.profile import read_credential

_TIMEOUT_S = 10.0
Count = Callable[[str], None]
Say = Callable[[str], None]


class Heartbeat:
    """Calls one address at each `beat` while there are no problems. Never raises, and never repeats the address.

    url: may hold a secret, as that of a hosted dead man's switch does. problems: what is not well, in sentences.
    count: told answered, failed or withheld at each beat. say: told when that changes. last_success: Unix time of the
    last answer, None before the first.
    """

    def __init__(
        self,
        url: str,
        problems: Callable[[], Sequence[str]],
        *,
        count: Count = lambda _: None,
        say: Say = lambda _: None,
        proxy: str | None = None,
        ca_file: str | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.last_success: float | None = None
        self._problems = problems
        self._count = count
        self._say = say
        self._wall = wall
        self._state = ""
        parts = urlsplit(url)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            self._client: Client = open_client(
                f"{parts.scheme}://{parts.netloc}",
                system="the heartbeat",
                timeout_s=_TIMEOUT_S,
                headers={"user-agent": f"assay/{__version__}"},
                proxy=proxy,
                ca_file=ca_file,
                connections=1,
            )
        except (UsageError, ValueError):
            raise UsageError(
                "the heartbeat's address is none",
                where="monitoring.heartbeat",
                expected="https://host/path, without user and password",
                hint="it is not shown here because it may hold a secret",
            ) from None

    @property
    def host(self) -> str:
        """Who is called: all of the address that may be shown."""
        return urlsplit(self._client.base_url).netloc

    def beat(self) -> None:
        """Call the address once, or withhold the call and say why."""
        problems = self._asked()
        if problems:
            self._told("withheld", f"heartbeat withheld: {problems[0]}", more=len(problems) - 1)
            return
        try:
            status = self._client.request("GET", self._path).status
        except AssayError as error:
            self._told("failed", f"heartbeat to {self.host} failed: {_without(error, self._path)}")
            return
        if status >= 300:  # a redirect is not followed: it leads to a page for people
            self._told("failed", f"heartbeat to {self.host} failed: it answered {status}")
            return
        self.last_success = self._wall()
        self._told("answered", f"heartbeat to {self.host} answered")

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _asked(self) -> Sequence[str]:
        try:
            return self._problems()
        except Exception as error:  # a process that cannot say how it is, is not healthy
            return [f"how this process is cannot be told: {type(error).__name__}"]

    def _told(self, state: str, sentence: str, *, more: int = 0) -> None:
        self._count(state)
        if state != self._state:
            self._say(sentence + (f" (and {more} more)" if more > 0 else ""))
        self._state = state


def heartbeat_of(
    plan: Plan, problems: Callable[[], Sequence[str]], *, count: Count = lambda _: None, say: Say = lambda _: None
) -> Heartbeat | None:
    """Return the heartbeat a profile asks for, None where it asks for none; `UsageError`: its variable is unset."""
    source = plan.profile.monitoring.heartbeat
    if source is None:
        return None
    url = read_credential(source)
    if not url:
        raise UsageError(
            f"{source.partition(':')[2]} is not set",
            where="monitoring.heartbeat",
            expected="the address that is called while all is well",
            hint="set it, or take the line out: without it nobody notices that the monitor itself is dead",
        )
    way = plan.way_to(url)
    return Heartbeat(url, problems, count=count, say=say, proxy=way.proxy, ca_file=way.ca_file)


def _without(error: AssayError, path: str) -> str:
    return error.message.replace(path, "/…") if len(path) > 1 else error.message
