"""Separated values landed as text columns: nothing is guessed of types, so `0012` stays `0012`.

An empty value is taken for none, quoted or not. DuckDB parses the files and tells which records are broken; what it
cannot be given safely (a line over the limit, an archive, another encoding) is read first, and a clean copy parsed.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import duckdb

from assay.drift.pairs.rows import named, quoted
from assay.drift.pairs.sources.landing import Faults, Parts, parsing
from assay.drift.pairs.sources.lines import blocks
from assay.drift.pairs.sources.options import CsvOptions
from assay.errors import InfrastructureError, UsageError

_WORDS = {
    "MISSING COLUMNS": "too few values",
    "TOO MANY COLUMNS": "too many values",
    "UNQUOTED VALUE": "a quote that is not closed as it should, and whatever it took in",
    "LINE SIZE OVER MAXIMUM": "a record longer than the limit",
    "INVALID ENCODING": "no UTF-8",
    "INVALID STATE": "values that stand outside their quotes",
}


def land_separated(paths: Sequence[Path], options: CsvOptions, parts: Parts) -> None:
    """Land the records of these files; broken ones are named."""
    for path in paths:
        with tempfile.TemporaryDirectory(prefix="assay-csv-") as folder:
            clean, unended = _screened(path, options, parts.faults, Path(folder) / "clean.csv")
            names = options.names or _names(clean, path, options)
            if names:
                _land(clean, path, names, options, parts, unended)


def _screened(path: Path, options: CsvOptions, faults: Faults, copy: Path) -> tuple[Path, bool]:
    """Return the file itself or a copy that can be parsed, and whether its last line has no end."""
    noted = Faults()
    unended = _copied(path, options, noted, None)
    # DuckDB would take a name with such a character for a pattern.
    if not noted and options.encoding == "utf-8" and path.suffix != ".gz" and not set("*?[") & set(str(path)):
        return path, unended
    unended = _copied(path, options, faults, copy)
    return copy, unended


def _copied(path: Path, options: CsvOptions, faults: Faults, copy: Path | None) -> bool:
    """Read a file to its end, into a copy if there is to be one; return whether its last line has no end."""
    unended = False
    target = copy.open("wb") if copy else None
    try:
        for block in blocks(path, faults, longest=options.longest_line, encoding=options.encoding):
            unended = block.unended
            if target is not None:
                target.write(block.data)
    finally:
        if target is not None:
            target.close()
    return unended


def _names(clean: Path, path: Path, options: CsvOptions) -> tuple[str, ...]:
    """Return the names of the columns from the first line; none for an empty file."""
    with clean.open("rb") as stream:
        raw = stream.readline(options.longest_line + 2)
    try:
        line = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(
            "the line of names is no UTF-8", where=str(path), hint='say which: encoding = "cp1252"'
        ) from None
    if not line.strip():
        return ()
    names = next(csv.reader([line.rstrip("\r\n")], delimiter=options.delimiter, quotechar=options.quote))
    twice = [name for name, count in Counter(name.casefold() for name in names).items() if count > 1]
    if twice or "" in names:
        raise UsageError(
            f"two columns are called '{twice[0]}'" if twice else "a column has no name",
            where=f"{path}, line 1",
            seen=line.strip()[:120],
            hint='name the columns in the source: names = ["number", …], and take the line out',
        )
    other = next((each for each in ";\t|," if each != options.delimiter and each in line), None)
    if len(names) == 1 and other is not None:
        raise UsageError(
            "the file has one column only, with another separator in its name",
            where=f"{path}, line 1",
            seen=line.strip()[:120],
            hint="say which separates: delimiter = " + json.dumps(other),
        )
    return tuple(names)


def _land(clean: Path, path: Path, names: Sequence[str], options: CsvOptions, parts: Parts, unended: bool) -> None:
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
    read = (
        f"read_csv({quoted(str(clean))}, auto_detect = false, header = false, skip = {0 if options.names else 1}, "
        f"columns = {{{columns}}}, delim = {quoted(options.delimiter)}, quote = {quoted(options.quote)}, "
        f"escape = {quoted(options.quote)}, max_line_size = {options.longest_line}, strict_mode = true, "
        "ignore_errors = true, store_rejects = true, rejects_limit = 0)"
    )
    with parsing() as connection:
        try:
            selected = ", ".join(named(name) for name in names)
            landed = connection.execute(
                f"COPY (SELECT {selected} FROM {read}) TO {quoted(str(parts.new_file()))} (FORMAT parquet)"  # noqa: S608
            ).fetchall()
        except duckdb.Error as error:
            raise InfrastructureError(
                "a file of separated values could not be read",
                where=str(path),
                seen=str(error).strip().splitlines()[0],
                hint="are its line ends all of one kind, and delimiter and quote as declared?",
            ) from None
        parts.rows += int(landed[0][0])
        rejected = connection.execute(
            "SELECT line, max(error_type) FROM reject_errors GROUP BY line ORDER BY line"
        ).fetchall()
    for number, kind in rejected:
        cut = unended and number == rejected[-1][0] and kind in ("MISSING COLUMNS", "UNQUOTED VALUE")
        what = "the file ends in the middle of a record" if cut else _WORDS.get(str(kind), str(kind).lower())
        # DuckDB counts records, and a value may hold line ends.
        parts.faults.add(f"{path.name}, record {int(number) - (0 if options.names else 1)}: {what}")
