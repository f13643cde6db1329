"""JSON lines landed as text columns, without rounding any number.

A column is a key of any of the objects. What is nested stays JSON text, which fields of kind `lines` read. DuckDB
parses the lines block by block; a number of more digits than floating point holds is made a string before it does.
What is lost of a number is how it was written: 19.90 comes as 19.9.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from assay.contracts.pointer import escaped
from assay.drift.pairs.columns import column_of
from assay.drift.pairs.rows import named, quoted
from assay.drift.pairs.sources.landing import Faults, Parts, parsing
from assay.drift.pairs.sources.lines import Block, blocks, ends, place
from assay.drift.pairs.sources.options import JsonLinesOptions
from assay.errors import UsageError

_LONG = 16
"""So many digits in a row may be more than a floating-point number holds."""
_NUMBER = re.compile(rb"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_NUMBERS = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.]{15,}(?:[eE][+-]?\d+)?')


def land_json_lines(paths: Sequence[Path], options: JsonLinesOptions, parts: Parts) -> None:
    """Land the objects of these files; lines that are no object are named."""
    with parsing() as connection:
        for path in paths:
            for block in blocks(path, parts.faults, longest=options.longest_line, encoding=options.encoding):
                _land(connection, path, block, options.columns, parts)


def _land(
    connection: duckdb.DuckDBPyConnection, path: Path, block: Block, columns: Mapping[str, str], parts: Parts
) -> None:
    data = _exact(_decodable(path, block, parts.faults))
    connection.register("lines", _table(data, block.first))
    try:
        groups = connection.execute("SELECT TRY(json_keys(line)) AS keys FROM lines GROUP BY keys").fetchall()
        keys = {key: f"/{escaped(key)}" for (group,) in groups for key in group or () if key}
        _refuse_twins(keys, path)
        if any(not group for (group,) in groups):
            _name_faults(connection, path, block, parts.faults)
        wanted = {**keys, **columns}
        if not wanted:
            return
        target = parts.new_file()
        pointers = "[" + ", ".join(quoted(pointer) for pointer in wanted.values()) + "]"
        selected = ", ".join(f"v[{number}] AS {named(name)}" for number, name in enumerate(wanted, 1))
        landed = connection.execute(
            f"COPY (SELECT {selected} FROM (SELECT json_extract_string(line, {pointers}) AS v FROM lines "  # noqa: S608
            f"WHERE CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END)) "
            f"TO {quoted(str(target))} (FORMAT parquet)"
        ).fetchall()
        parts.rows += int(landed[0][0])
    finally:
        connection.unregister("lines")


def _table(data: bytes, first: int) -> pa.Table:
    """Return a block's lines as a column over the same memory, with their numbers."""
    stops = ends(data)
    offsets = np.concatenate(([0], stops)).astype(np.int32)
    lines = pa.StringArray.from_buffers(len(stops), pa.py_buffer(offsets), pa.py_buffer(data))
    numbers = column_of(np.arange(first, first + len(stops)))
    return pa.Table.from_arrays([lines, numbers], names=["line", "number"])


def _decodable(path: Path, block: Block, faults: Faults) -> bytes:
    """Return the block without lines that are no UTF-8."""
    try:
        block.data.decode()
    except UnicodeDecodeError:
        return b"".join(_decodable_lines(path, block, faults))
    return block.data


def _decodable_lines(path: Path, block: Block, faults: Faults) -> Iterator[bytes]:
    for number, line in enumerate(block.data.split(b"\n")[:-1], block.first):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            faults.add(f"{place(path, number)}: no UTF-8 at byte {error.start + 1}")
            yield b"\n"
        else:
            yield line + b"\n"


def _exact(data: bytes) -> bytes:
    """Return the block with long numbers as strings, so that parsing them rounds nothing."""
    bytes_ = np.frombuffer(data, np.uint8)
    run = ((bytes_ >= 48) & (bytes_ <= 57)) | (bytes_ == 46)
    step = 1
    while step < _LONG and len(run) > step:
        run = run[:-step] & run[step:]
        step *= 2
    where = np.flatnonzero(run)
    if not len(where):
        return data
    stops = ends(data)
    touched = np.unique(np.searchsorted(stops, where, side="right"))
    made, done = [], 0
    for line in touched:
        start, stop = int(stops[line - 1]) if line else 0, int(stops[line])
        made += [data[done:start], _NUMBERS.sub(_as_text, data[start:stop])]
        done = stop
    return b"".join([*made, data[done:]])


def _as_text(found: re.Match[bytes]) -> bytes:
    # What is no number is left to be refused; a string is a string already.
    return b'"' + found[0] + b'"' if _NUMBER.fullmatch(found[0]) else found[0]


def _refuse_twins(keys: Mapping[str, str], path: Path) -> None:
    seen: dict[str, str] = {}
    for key in keys:
        twin = seen.setdefault(key.casefold(), key)
        if twin != key:
            raise UsageError(
                "two keys differ in case alone, and columns do not",
                where=str(path),
                seen=f"{json.dumps(twin)} and {json.dumps(key)}",
                hint="export one of them",
            )


def _name_faults(connection: duckdb.DuckDBPyConnection, path: Path, block: Block, faults: Faults) -> None:
    rows = connection.execute(
        "SELECT number, json_valid(line) FROM lines WHERE trim(line, ' \t\r\n') <> '' "
        "AND CASE WHEN json_valid(line) THEN json_type(line) <> 'OBJECT' ELSE true END ORDER BY number"
    ).fetchall()
    for number, valid in rows:
        # What the line holds is not repeated: it may be a customer's record.
        last = block.unended and number == block.first + block.count - 1
        what = "no JSON object" if valid else "the file ends in the middle of a record" if last else "no JSON"
        faults.add(f"{place(path, int(number))}: {what}")
