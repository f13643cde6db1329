"""Files of text read in blocks of whole lines, whatever they hold: no line is held that is longer than the limit.

What cannot be read is named with file and line, and left out: a line over the limit, bytes that are no text, an
archive that ends half-way. A line that is left out stays as an empty one, so that numbers of lines are the file's own.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import numpy as np

from assay.drift.pairs.sources.landing import Faults

_CHUNK = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines, each with its end. first: the number of the first. unended: the last one had no end in the file."""

    data: bytes
    first: int
    count: int
    unended: bool = False


def blocks(
    path: Path, faults: Faults, *, longest: int, encoding: str = "utf-8", chunk: int = _CHUNK
) -> Iterator[Block]:
    """Yield a file's lines, as UTF-8 if it can be decoded; faults: gets what was left out."""
    rest, number, skipping = b"", 1, False
    for piece in _pieces(path, faults, encoding, chunk):
        if skipping:
            end = piece.find(b"\n")
            if end < 0:
                continue
            rest, skipping = b"", False
            piece = piece[end:]  # the line's end stays, and it an empty line
        data = rest + piece
        cut = data.rfind(b"\n") + 1
        rest = data[cut:]
        if cut:
            block = _screened(data[:cut], number, path, faults, longest)
            yield block
            number += block.count
        if len(rest) > longest:
            _too_long(path, number, longest, faults)
            rest, skipping = b"", True
    if rest and not skipping:
        block = _screened(rest + b"\n", number, path, faults, longest)
        yield Block(block.data, block.first, block.count, unended=True)


def ends(data: bytes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return where the lines of a block end, each behind its line end."""
    return np.flatnonzero(np.frombuffer(data, np.uint8) == 10) + 1


def place(path: Path, number: int) -> str:
    """Write where a line is."""
    return f"{path.name}, line {number}"


def _screened(data: bytes, first: int, path: Path, faults: Faults, longest: int) -> Block:
    stops = ends(data)
    if np.diff(stops, prepend=0).max() - 1 > longest:
        kept = []
        for number, line in enumerate(data.split(b"\n")[:-1], first):
            if len(line) > longest:
                _too_long(path, number, longest, faults)
                line = b""
            kept.append(line + b"\n")
        data = b"".join(kept)
    return Block(data, first, len(stops))


def _too_long(path: Path, number: int, longest: int, faults: Faults) -> None:
    faults.add(f"{place(path, number)}: longer than {longest:,} bytes, and not read")


def _pieces(path: Path, faults: Faults, encoding: str, chunk: int) -> Iterator[bytes]:
    """Yield a file's bytes, unpacked and as UTF-8; stops with a fault where it cannot go on."""
    decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)()
    read = 0
    with _opened(path) as stream:
        while True:
            try:
                # Of a broken archive one read gives what can be unpacked before it fails; a full one gives nothing.
                piece = stream.read1(chunk)
                out = piece if decoder is None else decoder.decode(piece, final=not piece).encode()
            except (EOFError, zlib.error, gzip.BadGzipFile):
                faults.add(f"{path.name}: the archive ends half-way or is broken after {read:,} bytes of text")
                return
            except UnicodeError as error:
                faults.add(f"{path.name}: no {encoding} after {read:,} bytes ({error.__class__.__name__})")
                return
            if not read:
                out = out.removeprefix(codecs.BOM_UTF8)
            read += len(piece)
            if out:
                yield out
            if not piece:
                return


def _opened(path: Path) -> BufferedReader | gzip.GzipFile:
    return gzip.GzipFile(path) if path.suffix == ".gz" else path.open("rb")
