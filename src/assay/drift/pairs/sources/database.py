"""What all databases share: an address read by name and kept out of what is printed, and refusals in our words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

from assay.drift.pairs.sources.options import ServerOptions
from assay.errors import AssayError, InfrastructureError, SafetyError, UsageError
from assay.profile import read_credential

_MASK = "***"
_WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Address:
    """A database's URL, with its password if it has one. `shown` is without, for messages."""

    parts: SplitResult
    password: str | None

    @property
    def shown(self) -> str:
        """Where it is, without user and password."""
        return f"{self.parts.scheme}://{self.parts.netloc.rpartition('@')[2]}{self.parts.path}"

    @property
    def netloc(self) -> str:
        """User, password and hosts as a URL holds them."""
        user, _, hosts = self.parts.netloc.rpartition("@")
        name = user.partition(":")[0]
        if self.password is None:
            return self.parts.netloc
        return f"{name}:{quote(self.password, safe='')}@{hosts}"

    def masked(self, text: str) -> str:
        """Return somebody else's message on one line, without the password."""
        secrets = {self.password or "", quote(self.password or "", safe="")}
        for secret in sorted(secrets - {""}, key=len, reverse=True):
            text = text.replace(secret, _MASK)
        return " ".join(text.split())[:300]


def address_of(system: str, options: ServerOptions, folder: Path, schemes: Sequence[str]) -> Address:
    """Return the address of a source; `UsageError` never repeats what may be a secret.

    folder: where a relative path of a secret's file starts.
    """
    named = options.address.startswith(("env:", "file:"))
    said = _secret(options.address, folder, f"the address of {system}'s database") if named else options.address
    try:
        parts = urlsplit(said)
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if parts.scheme not in schemes or not (parts.netloc or parts.path.strip("/")):
        raise UsageError(
            f"that is no address of {system}'s database",
            where=options.address if named else "address",
            expected=f"{schemes[0]}://user:password@host/database, in which a space or @ is written %20 or %40",
            hint="its password's characters other than letters and digits are written as %XX",
        )
    _, colon, inner = parts.netloc.rpartition("@")[0].partition(":")
    if colon and not named:
        raise UsageError(
            f"a password stands in the address of {system}'s database",
            expected='address = "env:NAME" with all of it, or password = "env:NAME" beside an address without one',
            hint="take it out of the file, and change it if the file was ever shared",
        )
    if options.password is not None:
        return Address(parts, _secret(options.password, folder, f"the password of {system}'s database"))
    return Address(parts, unquote(inner) if colon else None)


def _secret(source: str, folder: Path, what: str) -> str:
    kind, _, name = source.partition(":")
    value = read_credential(source if kind == "env" else f"file:{folder / Path(name).expanduser()}")
    if not value:
        raise UsageError(
            f"{what} is not set",
            where=source,
            hint=f"export {name}=…" if kind == "env" else f"write it into {folder / name}",
        )
    return value


def refused(system: str, address: str, said: str, *, kind: str) -> AssayError:
    """Return a database's refusal in our words. kind: `write`, `query`, or anything else for a server in trouble."""
    if kind == "write":
        return SafetyError(
            f"what is read of {system} would write, and was refused",
            where=address,
            seen=said,
            hint="a source is only read: ask a table, a view, or functions that change nothing",
        )
    if kind == "query":
        return UsageError(f"{system}'s database does not understand what it is asked", where=address, seen=said)
    return InfrastructureError(
        f"{system}'s database cannot be read",
        where=address,
        seen=said,
        hint="is it up, and may this user read what is asked?",
    )


def refuse_twins(system: str, names: Sequence[str]) -> None:
    """Refuse a query of which two columns have one name, but for case."""
    for name, count in Counter(name.casefold() for name in names).items():
        if count > 1:
            raise UsageError(
                f"two columns of {system} are called '{name}'",
                seen=", ".join(names)[:300],
                hint="give one another name in the query: … AS other_name",
            )


def whole_numbers(values: Sequence[str]) -> list[str]:
    """Return the texts that are whole numbers of 64 bits as a database writes them."""
    return [each for each in values if _WHOLE_NUMBER.fullmatch(each) and -(2**63) <= int(each) < 2**63]
