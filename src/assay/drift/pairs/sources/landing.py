"""Rows that a source gives once, kept as Parquet: read again and again, and removed when their time is over.

A landing is written under a name of its own and gets its real one when it is whole, so that a read that was killed
half-way is never taken for what a system holds.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa
from pyarrow import parquet

from assay.drift.pairs.rows import quoted, settings
from assay.errors import InfrastructureError

_UNFINISHED, _PARTIAL = ".unfinished", ".partial"
_FORM = "%Y%m%dT%H%M%S%fZ"
_NAMED = 20
_PARSING_MB = 600
"""DuckDB parses separated values in buffers of sixteen of the longest lines there may be: 256 MB."""
_KEEP = ".keep"
"""Beside a system's landings: for how many seconds they are kept, for whoever prunes another system's."""


class Faults:
    """What could not be read of a source, as sentences: the first few by their place, the rest as a number."""

    def __init__(self) -> None:
        self._named: list[str] = []
        self._more = 0

    def add(self, sentence: str) -> None:
        """Note one."""
        if len(self._named) < _NAMED:
            self._named.append(sentence)
        else:
            self._more += 1

    def __bool__(self) -> bool:
        return bool(self._named)

    def sentences(self) -> tuple[str, ...]:
        """Return what was noted."""
        return (*self._named, f"and {self._more} more that could not be read") if self._more else tuple(self._named)


def parsing() -> duckdb.DuckDBPyConnection:
    """Open a connection that parses a source's files, in the memory that takes, however little one compares in."""
    return duckdb.connect(config=settings(_PARSING_MB))


class Parts:
    """The Parquet files of one landing while they are written."""

    def __init__(self, folder: Path, faults: Faults) -> None:
        self.folder = folder
        self.faults = faults
        self.rows = 0
        self._count = 0
        self._writer: parquet.ParquetWriter | None = None

    def new_file(self) -> Path:
        """Return the place of one more file, for whoever writes it."""
        self._count += 1
        return self.folder / f"part-{self._count:05}.parquet"

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows; all that come by here have one schema. A row whose text is no UTF-8 is named and left out."""
        batch = self._readable(batch)
        if self._writer is None:
            self._writer = parquet.ParquetWriter(self.new_file(), batch.schema)
        self._writer.write_batch(batch)
        self.rows += batch.num_rows

    def close(self) -> None:
        """Finish the files."""
        if self._writer is not None:
            self._writer.close()

    def _readable(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        try:
            batch.validate(full=True)
        except pa.ArrowInvalid:
            pass
        else:
            return batch
        wrong: set[int] = set()
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if not pa.types.is_string(column.type):
                continue
            for number, value in enumerate(column.cast(pa.binary()).to_pylist()):
                try:
                    (value or b"").decode()
                except UnicodeDecodeError:
                    wrong.add(number)
                    self.faults.add(f"row {self.rows + number + 1}: '{name}' is no UTF-8")
        return batch.filter(pa.array([number not in wrong for number in range(batch.num_rows)]))


class Landing:
    """A folder in which landed rows stay, for a while: `FOLDER/SYSTEM/INSTANT/part-00001.parquet`.

    keep: how long; the last whole landing of each system stays however old it is.
    """

    def __init__(self, folder: Path, *, keep: timedelta = timedelta(days=7)) -> None:
        self.folder, self.keep = folder, keep

    def begin(self, system: str, at: datetime) -> Path:
        """Make the folder of a new landing, unfinished as yet."""
        place = self.folder / _word(system) / f"{at.astimezone(UTC).strftime(_FORM)}{_UNFINISHED}"
        try:
            place.mkdir(parents=True)
            (place.parent / _KEEP).write_text(f"{self.keep.total_seconds():g}")
        except FileExistsError:
            raise InfrastructureError("two reads of one system at the same instant", where=str(place)) from None
        except OSError as error:
            raise InfrastructureError(f"rows cannot be landed: {error.strerror}", where=str(place)) from None
        return place

    def finish(self, place: Path, *, whole: bool) -> Path:
        """Give a landing its name; one of which a part could not be read is told apart."""
        return place.rename(place.with_name(place.name.removesuffix(_UNFINISHED) + ("" if whole else _PARTIAL)))

    def latest(self, system: str) -> Path | None:
        """Return the last whole landing of a system."""
        whole = self.whole(system)
        return whole[-1] if whole else None

    def whole(self, system: str) -> list[Path]:
        """Return the whole landings of a system that are still there, the oldest first."""
        return [each for each, _, suffix in self._landings(_word(system)) if not suffix]

    def unfinished(self, system: str) -> Path | None:
        """Return the youngest landing of a system that is not finished; whoever goes on with it holds its lock."""
        begun = [each for each, _, suffix in self._landings(_word(system)) if suffix == _UNFINISHED]
        return begun[-1] if begun else None

    def place(self, system: str) -> Path:
        """Return the folder of a system's landings."""
        return self.folder / _word(system)

    def prune(self, now: datetime) -> list[Path]:
        """Remove landings older than their system's `keep`, unfinished ones among them, and return their folders."""
        removed = []
        for folder in sorted(self.folder.iterdir()) if self.folder.is_dir() else ():
            latest, keep = self.latest(folder.name), self._keep_of(folder)
            for place, at, _ in self._landings(folder.name):
                if now - at > keep and place != latest:
                    shutil.rmtree(place)
                    removed.append(place)
        return removed

    def _keep_of(self, folder: Path) -> timedelta:
        try:
            return timedelta(seconds=float((folder / _KEEP).read_text()))
        except (OSError, ValueError, OverflowError):
            return self.keep

    def _landings(self, word: str) -> list[tuple[Path, datetime, str]]:
        found = []
        folder = self.folder / word
        for place in sorted(folder.iterdir()) if folder.is_dir() else ():
            stem, dot, suffix = place.name.partition(".")
            try:
                at = datetime.strptime(stem, _FORM).replace(tzinfo=UTC)
            except ValueError:
                continue  # not ours, and left alone
            found.append((place, at, dot + suffix))
        return found


class Snapshot(Protocol):
    """A database as it is at one moment, of which rows are landed by and by. Conditions are its SQL, of `side`."""

    def since(self, column: str, moment: datetime) -> str | None:
        """Return the condition of rows from an instant on, and all that name none; None where the type says nothing."""
        ...

    def among(self, column: str, values: Sequence[str]) -> str | None:
        """Return a condition that holds where a column is one of these as text; None where it has no such text."""
        ...

    def land(self, parts: Parts, where: str = "") -> None:
        """Land the rows that a condition holds of."""
        ...


class LandedRows:
    """Rows that are landed when they are first asked for.

    read: writes all rows into the parts, and adds to their faults what it could not read. Without a landing they are in
    a temporary folder that goes when these rows do. opened: opens the database they are in, where that is one.
    """

    def __init__(
        self,
        system: str,
        read: Callable[[Parts], None],
        *,
        landing: Landing | None = None,
        at: datetime | None = None,
        opened: Callable[[], AbstractContextManager[Snapshot]] | None = None,
    ) -> None:
        self.system, self._read, self._landing, self._at = system, read, landing, at
        self.opened = None if landing else opened
        self._place: Path | None = None
        self._unread: Sequence[str] = ()

    @property
    def unread(self) -> Sequence[str]:
        """What could not be read; known once the rows are landed."""
        return self._unread

    @property
    def landed(self) -> bool:
        """Whether they are landed already."""
        return self._place is not None

    def attach(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """Return the scan of what was landed; the first time, land it."""
        place = self.land()
        if not any(place.glob("*.parquet")):
            return "(SELECT NULL AS nothing WHERE false)"
        return f"read_parquet({quoted(str(place / '*.parquet'))}, union_by_name = true)"

    def land(self) -> Path:
        """Read the source, unless that was done, and return the folder of its Parquet files."""
        if self._place is not None:
            return self._place
        if self._landing is None:
            place = Path(tempfile.mkdtemp(prefix="assay-landed-"))
            weakref.finalize(self, shutil.rmtree, place, ignore_errors=True)
        else:
            place = self._landing.begin(self.system, self._at or datetime.now(UTC))
        faults = Faults()
        parts = Parts(place, faults)
        try:
            try:
                self._read(parts)
            finally:
                parts.close()
        except (OSError, duckdb.Error) as error:
            raise InfrastructureError(
                f"the rows of {self.system} could not be landed",
                where=getattr(error, "filename", None) or str(place),
                seen=str(error).strip().splitlines()[0],
            ) from error
        self._unread = faults.sentences()
        self._place = self._landing.finish(place, whole=not faults) if self._landing else place
        return self._place


def _word(system: str) -> str:
    """Return a system's name as that of a folder."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", system) or "_"
