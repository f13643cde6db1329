"""A listing of a system as a side of a pair: read when it is asked for, from where the last read ended.

What was read lies in an unfinished landing, with how far it came; whoever was killed goes on there. At the end what
came twice is taken off by the system's own reference, the younger change wins, and the landing gets its name.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyarrow import parquet

from assay.drift.extracting.goods import ALL_LISTINGS as LISTINGS
from assay.drift.extracting.listings import Listing
from assay.drift.extracting.merging import merge
from assay.drift.extracting.table import Shape, shape_of
from assay.drift.extracting.walk import Walk
from assay.drift.extracting.watermark import Mode, Watermark, watermark_in
from assay.drift.pairs.rows import ParquetRows, Rows, quoted
from assay.drift.pairs.sources.landing import Faults, Landing
from assay.drift.pairs.sources.options import KeyColumn, ListingOptions
from assay.errors import InfrastructureError, UsageError, did_you_mean
from assay.roles import ListsChanges
from assay.span import span_text

if TYPE_CHECKING:
    import duckdb

_PART = 5_000
"""Rows of one part: as many are read again at most where a read was killed."""
_RESUMED = timedelta(days=1)
"""What was begun earlier than that is begun anew."""
_RAW = "raw"
_SKEW = timedelta(minutes=5)
_FAULTS = 50
_ASK_AGAIN_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Systems:
    """What an environment lends to read its systems.

    connector: by the system's id, called no faster than its options allow. landing: where rows stay. now: the
    landscape's instant. key: of hashed columns, by the options. pause: waits before a read that failed is tried again.
    anew: read again what is fresh. patience_s: how long a listing that somebody else is reading is waited for.
    """

    connector: Callable[[str, ListingOptions], Any]
    landing: Callable[[ListingOptions], Landing]
    now: Callable[[], datetime]
    key: Callable[[ListingOptions], bytes]
    pause: Callable[[float], None] = time.sleep
    anew: bool = False
    patience_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Extracted:
    """What landing a listing came to. again: whether an earlier landing was fresh enough, and nothing was read."""

    folder: Path
    mark: Watermark
    again: bool = False


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some records that were read, and where to go on after them."""

    records: Sequence[Any]
    cursor: str
    reads: int


class ListingRows:
    """Rows of a listing; nothing is asked before they are attached, and nothing twice."""

    def __init__(self, system: str, options: ListingOptions, systems: Systems, folder: Path) -> None:
        if options.listing not in LISTINGS:
            raise UsageError(
                f"no listing '{options.listing}'",
                expected=", ".join(LISTINGS),
                hint=did_you_mean(options.listing, LISTINGS),
            )
        self.system, self.listing, self.options = system, LISTINGS[options.listing], options
        self._systems, self._folder = systems, folder
        self._done: Extracted | None = None

    @property
    def unread(self) -> Sequence[str]:
        """What could not be landed; known once the rows are."""
        return self._done.mark.faults if self._done else ()

    def attach(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """Return the scan of what was landed; the first time, land it."""
        return f"read_parquet({quoted(str(self.land().folder / '*.parquet'))})"

    def earlier(self) -> Sequence[tuple[datetime, Rows]]:
        """Return what was landed earlier and read alike, the newest first, with the instant up to which it was read.

        None of it speaks of later than these rows do; what is `keep` ago is gone.
        """
        done = self.land()
        found: list[tuple[datetime, Rows]] = []
        for place in self._systems.landing(self.options).whole(self._name):
            mark = watermark_in(place) if place != done.folder else None
            if mark is not None and mark.print == done.mark.print and mark.until <= done.mark.until:
                found.append((mark.until, ParquetRows(str(place / "*.parquet"))))
        return sorted(found, key=lambda each: each[0], reverse=True)

    def land(self) -> Extracted:
        """Read what there is to read, and return where it is.

        `InfrastructureError` where the system does not answer: what was read stays, and the next call goes on there.
        """
        if self._done is None:
            landing = self._systems.landing(self.options)
            with _alone(landing.place(self._name), self._systems.patience_s):
                done = self._land(landing)
                if done.mark.resumed and not done.mark.faults and not self._is_fresh(done.mark):
                    done = self._land(landing)  # what was begun long ago lacks what came since
                self._done = done
        return self._done

    def _present(self) -> datetime:
        """Return the instant up to which is read."""
        return self._systems.now() - _span(self.options.behind or 0)

    def _is_fresh(self, mark: Watermark) -> bool:
        return timedelta() <= self._present() - mark.until <= _span(self.options.fresh)

    @property
    def _name(self) -> str:
        return f"{self.system}-{self.listing.name}"

    def _land(self, landing: Landing) -> Extracted:
        now = self._systems.now()
        shape = shape_of(self.listing, self.options, self._systems.key(self.options))
        printed = _print(shape, self.options)
        last = landing.latest(self._name)
        before = watermark_in(last) if last else None
        if last and before and before.until > now + _SKEW:
            shutil.rmtree(last)  # of a landscape whose clock was set back: it would hide what is landed now
            before = None
        elif before is not None and before.print != printed:
            before = None
        if last and before and not self._systems.anew and self._is_fresh(before):
            return Extracted(last, before, again=True)
        place, mark = self._begin(landing, now, printed, last if before else None, before)
        if mark.phase == "reading":
            mark = self._read(place, mark, shape)
            mark = replace(mark, rows=self._merged(landing, place, mark, shape), phase="merged")
            mark.write(place)
        for each in (_RAW, "spill"):
            shutil.rmtree(place / each, ignore_errors=True)
        mark = replace(mark, phase="done")
        mark.write(place)
        named = place.name.partition(".")[0] + (".partial" if mark.faults else "")
        shutil.rmtree(place.with_name(named), ignore_errors=True)  # where the landscape's clock stands still
        done = landing.finish(place, whole=not mark.faults)
        landing.prune(now)
        return Extracted(done, mark)

    def _begin(
        self, landing: Landing, now: datetime, printed: str, last: Path | None, before: Watermark | None
    ) -> tuple[Path, Watermark]:
        """Return the landing to go on with, or a new one: of all, or of what came since the last whole one."""
        self._verb()  # that a connector has none is said before anything is kept
        begun = landing.unfinished(self._name)
        mark = watermark_in(begun) if begun else None
        young = mark is not None and timedelta() <= self._present() - mark.until <= _RESUMED
        if begun and mark and young and mark.print == printed and self._has_base(landing, mark):
            return begun, replace(mark, resumed=mark.resumed + 1)
        if begun:
            shutil.rmtree(begun)
        until = self._present()
        since = until - _span(self.options.back)
        mode: Mode = "census"
        if last and before and not self.listing.by_article and now - before.census < _span(self.options.census):
            mode = "changes"
            reach = self.options.overlap if self._lists_changes() else self.options.again + self.options.overlap
            since = max(since, before.until - _span(reach))
        place = landing.begin(self._name, now)
        mark = Watermark(
            system=self.system,
            listing=self.listing.name,
            print=printed,
            mode=mode,
            since=since,
            until=until,
            census=before.census if before and mode == "changes" else now,
            base=last.name if last and mode == "changes" else None,
        )
        (place / _RAW).mkdir()
        mark.write(place)
        return place, mark

    def _has_base(self, landing: Landing, mark: Watermark) -> bool:
        return mark.base is None or (landing.place(self._name) / mark.base).is_dir()

    def _read(self, place: Path, mark: Watermark, shape: Shape) -> Watermark:
        """Land what the system lists, part by part; after each it is known how far it came."""
        held: list[tuple[tuple[str, ...], Any]] = []
        reads = 0
        cursor = mark.cursor
        keys: Sequence[str] = ()
        if self.listing.by_article:
            keys, faults = self._articles()
            mark = replace(mark, faults=tuple(dict.fromkeys((*mark.faults, *faults)))[:_FAULTS])
        try:
            for piece in self._pieces(mark, keys):
                held += zip(self.listing.keys(piece.records), piece.records, strict=True)
                reads, cursor = reads + piece.reads, piece.cursor
                if len(held) >= _PART:
                    mark = self._keep(place, mark, shape, held, cursor, reads)
                    held, reads = [], 0
        except InfrastructureError as error:
            mark = self._keep(place, mark, shape, held, cursor, reads)
            if mark.cursor:
                kept = f"{mark.read:,} rows up to {mark.cursor} are kept: the next read goes on there"
                error.hint = f"{error.hint}; {kept}" if error.hint else kept
            raise
        return self._keep(place, mark, shape, held, cursor, reads)

    def _keep(
        self,
        place: Path,
        mark: Watermark,
        shape: Shape,
        held: Sequence[tuple[tuple[str, ...], Any]],
        cursor: str,
        reads: int,
    ) -> Watermark:
        faults = Faults()
        table = shape.table(held, mark.read, faults)
        draft = place / _RAW / "part"
        parquet.write_table(table, draft)
        draft.replace(place / _RAW / f"{mark.parts + 1:06}.parquet")
        versions = [each for each in (self.listing.version(record) for _, record in held) if each is not None]
        mark = replace(
            mark,
            cursor=cursor,
            parts=mark.parts + 1,
            read=mark.read + len(held),
            reads=mark.reads + reads,
            faults=(*mark.faults, *faults.sentences())[:_FAULTS],
            newest=max([*versions, *([mark.newest] if mark.newest else [])], default=None),
            until=max(mark.until, datetime.fromisoformat(cursor)) if self._follows(mark) and cursor else mark.until,
        )
        mark.write(place)
        return mark

    def _pieces(self, mark: Watermark, keys: Sequence[str]) -> Iterator[_Piece]:
        if self.listing.by_article:
            yield from self._by_article(mark, keys)
            return
        by_change, walked = self._follows(mark), self._walked
        walk = Walk(
            name=f"{self.system}'s {walked.name}",
            read=self._changed if by_change else self._verb(),
            keys=walked.keys,
            version=walked.version,
            moment=walked.version if by_change else walked.moment,
            page=self.options.page,
            pause=self._systems.pause,
            least=_span(self.options.least) if self.options.least else walked.least,
        )
        since = mark.since
        if mark.cursor:
            since = max(since, datetime.fromisoformat(mark.cursor) - _span(self.options.overlap))
        for step in walk.over(since, mark.until, follow=self._present if by_change else None):
            records = [part for record in step.records for part in self.listing.parts(record)]
            yield _Piece(records, step.until.isoformat(), step.reads)

    @property
    def _walked(self) -> Listing:
        """Return the listing whose spans are read: of parcels, that of the orders they belong to."""
        return self.listing.walked or self.listing

    def _by_article(self, mark: Watermark, keys: Sequence[str]) -> Iterator[_Piece]:
        read = self._verb()
        for article in keys:
            if article <= mark.cursor:
                continue  # by its name, not its place: others may have come in between since a read was killed
            try:
                found = list(self.listing.ask(read, article, self._systems.now()))
            except LookupError:
                found = []  # it does not hold that article, which is what comparing is there to find
            yield _Piece(found, article, 1)

    def _articles(self) -> tuple[Sequence[str], Sequence[str]]:
        """Return the keys the listing is read by, each once, in order, and why they are not all."""
        if self.listing.asked_by is not None:
            return self.listing.asked_by(self.options), ()
        keys = self.options.articles
        if keys is None:
            raise UsageError(
                f"the listing '{self.listing.name}' is read key by key",
                expected='a file with one a line, articles = "skus.txt", or the column of another listing, '
                'articles = { system = "merchant", listing = "orders", column = "ref" }',
            )
        if isinstance(keys, KeyColumn):
            return self._column(keys)
        place = self._folder / keys
        try:
            lines = place.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeError) as error:
            raise UsageError("the file of articles cannot be read", where=str(place), seen=str(error)) from None
        return sorted({line.strip() for line in lines} - {""}), ()

    def _column(self, keys: KeyColumn) -> tuple[Sequence[str], Sequence[str]]:
        """Return what stands in a column of another listing, which is read for it."""
        if (keys.system, keys.listing) == (self.system, self.listing.name):
            raise UsageError(f"the listing '{keys.listing}' of {keys.system} cannot name its own keys")
        self._refuse_forgotten(keys.options)
        # What names the keys may be as young as it is anywhere: the other side may just have read it anew.
        other = ListingRows(keys.system, keys.options, replace(self._systems, anew=False), self._folder)
        names = [each.name for each in other.listing.columns]
        for name in (keys.column, *keys.only):
            if name not in names:
                raise UsageError(
                    f"the listing '{keys.listing}' has no column '{name}'",
                    expected=", ".join(names),
                    hint=did_you_mean(name, names),
                )
        table = parquet.read_table(other.land().folder)
        if keys.column not in table.column_names:
            raise UsageError(
                f"'{keys.column}' of the listing '{keys.listing}' is personal, and is not landed",
                hint=f'name it: articles = {{ …, plain = ["{keys.column}"] }}',
            )
        rows = table.select(list(dict.fromkeys((keys.column, *keys.only)))).to_pylist()
        values = [row[keys.column] for row in rows if all(row[name] in own for name, own in keys.only.items())]
        members = [member for value in values for member in (value if isinstance(value, list) else [value])]
        lacking = [f"its keys come from {keys.system}: {each}" for each in other.unread]
        return sorted({str(each) for each in members if each is not None} - {""}), lacking

    def _refuse_forgotten(self, keys: ListingOptions) -> None:
        """Refuse keys that are older than the system knows them: what it has forgotten would be called missing."""
        kept = getattr(self._connector, self.listing.kept, None) if self.listing.kept else None
        if isinstance(kept, timedelta) and _span(keys.back) >= kept:
            raise UsageError(
                f"{self.system} knows its {self.listing.name} for {span_text(kept.total_seconds())}",
                expected="keys of fewer days",
                seen=f'articles = {{ …, back = "{span_text(keys.back)}" }}',
                hint="say less there, and as back of the other side",
            )

    @cached_property
    def _connector(self) -> Any:
        return self._systems.connector(self.system, self.options)

    def _changed(self, since: datetime, until: datetime) -> Any:
        return self._connector.changed(self._walked.name, since, until)

    def _verb(self) -> Callable[..., Any]:
        read: Callable[..., Any] | None = getattr(self._connector, self.listing.verb, None)
        if read is None:
            raise UsageError(
                f"the connector of '{self.system}' cannot list {self.listing.name}",
                expected=f"a method {self.listing.verb}",
                hint=f"the listing '{self.listing.name}' is one of role '{self.listing.role}'",
            )
        return read

    def _lists_changes(self) -> bool:
        able = self._walked.changed is not None and isinstance(self._connector, ListsChanges)
        return able and self._walked.name in self._connector.listings_by_change

    def _follows(self, mark: Watermark) -> bool:
        """Whether what is read is what changed: then the present is followed, for a change moves a record there."""
        return mark.mode == "changes" and self._lists_changes()

    def _merged(self, landing: Landing, place: Path, mark: Watermark, shape: Shape) -> int:
        base = landing.place(self._name) / mark.base if mark.base else None
        listing = self.listing
        return merge(
            place / _RAW,
            base,
            place / "part-00001.parquet",
            key=listing.key,
            changed=listing.changed,
            placed=listing.placed,
            since=mark.until - _span(self.options.back),
            # What was placed in a span that was read whole, and is not there any more, was deleted.
            base_until=None if self._follows(mark) else mark.since,
            names=[each.name for each in shape.columns],
        )


@contextmanager
def _alone(place: Path, patience_s: float) -> Iterator[None]:
    """Let one process, or thread, at a time read a listing; what one left open it holds no more."""
    import fcntl  # absent on Windows, where WSL2 is the way

    try:
        place.mkdir(parents=True, exist_ok=True)
        lock = (place / ".lock").open("a")
    except OSError as error:
        raise InfrastructureError(f"rows cannot be landed: {error.strerror}", where=str(place)) from None
    with lock:
        until = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise InfrastructureError(
                        "that listing is being read by another command", where=str(place), hint="wait for it"
                    ) from None
            time.sleep(min(_ASK_AGAIN_S, patience_s))
        yield


def _print(shape: Shape, options: ListingOptions) -> str:
    """Return what stands for how rows are read and landed: rows of another print are not gone on with."""
    content = {
        "columns": [(each.name, str(each.type)) for each in shape.columns],
        "hashed": sorted(shape.hashed),
        "key": hashlib.sha256(shape.key).hexdigest() if shape.hashed else "",
        "back": options.back,
        "behind": options.behind,
        "currencies": sorted(set(options.currencies)),
        "articles": keys.model_dump() if isinstance(keys := options.articles, KeyColumn) else keys,
    }
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _span(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)
