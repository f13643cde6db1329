"""Reading every document of the specs folder and compiling every schema of it, twins too.

Limit: at most 60 s of CPU in all, with nothing kept from before. The second figure is of reading them again, large
YAML now kept parsed: what a later command pays before it compiles the few schemas it needs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from assay.contracts.model import Document, Shape
from assay.contracts.reading import read_document
from assay.contracts.registry import specs_directory
from assay.errors import UsageError

LIMIT_S = 60.0


def shapes_of(document: Document) -> Iterator[Shape]:
    """Yield every shape of a document, each once."""
    seen = set[int]()
    for operation in document.operations:
        for shapes in (operation.requests, *(each.shapes for each in operation.responses.values())):
            for shape in shapes.values():
                if shape is not None and id(shape) not in seen:
                    seen.add(id(shape))
                    yield shape
    yield from document.shapes.values()


def compile_all(document: Document) -> int:
    """Compile every shape as its first message would, and return how many there were."""
    number = 0
    for shape in shapes_of(document):
        number += 1
        compiling = getattr(shape, "compile", None)
        if compiling is not None:
            compiling()
        else:
            shape.deviations(b"")
    return number


def main() -> int:
    """Print the figures by format and in all; 1 when over the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slowest", type=int, default=5, help="how many documents to name")
    options = parser.parse_args()
    folder = specs_directory([Path(__file__).parents[1]])
    if folder is None or not (folder / "manifest.json").exists():
        print("not measured: the vendors' documents are not here (set ASSAY_SPECS to a folder of documents)")
        return 0
    files = [folder / each["file"] for each in json.loads((folder / "manifest.json").read_text())["specs"]]
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache  # where the platform's cache is, for this process alone
        return measured(files, options.slowest)


def measured(files: list[Path], slowest: int) -> int:
    """Read and compile all, then read all again."""
    took: list[tuple[float, str]] = []
    refused: dict[Path, str] = {}
    shapes = 0
    began = time.process_time()
    for file in files:
        start = time.process_time()
        try:
            shapes += compile_all(read_document(file))
        except UsageError as problem:
            refused[file] = f"{file.name}: {problem}"
        took.append((time.process_time() - start, file.name))
    whole_s = time.process_time() - began
    for seconds, name in sorted(took, reverse=True)[:slowest]:
        print(f"  {seconds:6.2f} s  {name}")
    for each in refused.values():
        print(f"  refused: {each}")
    began = time.process_time()
    for file in files:
        if file not in refused:
            read_document(file)
    again_s = time.process_time() - began
    good = whole_s <= LIMIT_S
    print(f"{len(files)} documents, {shapes} schemas: reading them again {again_s:.1f} s of CPU")
    print(f"read and compiled   {whole_s:.1f} s of CPU   limit {LIMIT_S:.0f} s   {'within' if good else 'OVER'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
