"""Judging a page of 100 Stripe charges with the strict twin, against parsing it with orjson.

Limit: at most 2.0 x. The page is the vendor's own example charge a hundred times, what the pinned document does not
know of it taken out, so that it is valid by both; what is timed is the whole judgement of its bytes: parsing, the
twin, the digits of its numbers. Ten different pages are parsed and judged in turn, since no page comes twice and a page
that was just read lies in the processor's cache. CPU of this process, the quickest round of each: what else the machine
does only adds.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson

from assay.contracts.model import Shape
from assay.contracts.reading import read_document
from assay.contracts.registry import specs_directory

LIMIT = 2.0
CHARGES = 100
PAGES = 10


def page_of(example: dict[str, Any], shape: Shape, page_number: int) -> bytes:
    """Return a page of charges that departs from the document nowhere."""
    first = page_number * CHARGES
    data = [{**example, "id": f"ch_3MmlLrLkdIwHu7i{number * 601:05x}Q"} for number in range(first, first + CHARGES)]
    page = {"object": "list", "url": "/v1/charges", "has_more": False, "data": data}
    page = orjson.loads(orjson.dumps(page))
    for deviation in shape.deviations(orjson.dumps(page)):
        take_out(page, deviation.path.split("."))
    body = orjson.dumps(page)
    left = shape.deviations(body)
    if left:
        raise SystemExit(f"the page is not valid: {left[0]}")
    return body


def take_out(value: Any, steps: Sequence[str]) -> None:
    """Remove the member that a path leads to, wherever it is."""
    name, *rest = steps
    if not isinstance(value, dict):
        return
    if not rest:
        value.pop(name, None)
    elif name.endswith("[]"):
        for each in value.get(name[:-2], ()):
            take_out(each, rest)
    else:
        take_out(value.get(name), rest)


def cpu_s(work: Callable[[bytes], object], pages: Sequence[bytes]) -> float:
    """Return the CPU seconds that a page takes, going through them all."""
    began = time.process_time()
    for body in pages:
        work(body)
    return (time.process_time() - began) / len(pages)


def main() -> int:
    """Print the ratio; 1 when it is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=151)
    rounds = parser.parse_args().rounds
    folder = specs_directory([Path(__file__).parents[1]])
    if folder is None or not (folder / "stripe/spec3.yaml").exists():
        print("not measured: the vendor's document is not here (set ASSAY_SPECS to a folder of documents)")
        return 0
    document = read_document(folder / "stripe/spec3.yaml")
    operation = document.find("GET", "/v1/charges")
    shape = operation.responses["200"].shapes["application/json"] if operation else None
    if shape is None:
        raise SystemExit("the document has no answer of GET /v1/charges")
    example = orjson.loads((folder / "stripe/fixtures3.json").read_bytes())["resources"]["charge"]
    pages = [page_of(example, shape, number) for number in range(PAGES)]
    gc.disable()
    pairs = [(cpu_s(orjson.loads, pages), cpu_s(shape.deviations, pages)) for _ in range(rounds)]
    parse, judge = (min(each) for each in zip(*pairs, strict=True))
    ratio = judge / parse
    print(f"{CHARGES} charges, {len(pages[0]) / 1000:.0f} kB: parsed {parse * 1e6:.0f} us, judged {judge * 1e6:.0f} us")
    print(f"judging / parsing   {ratio:.2f} x   limit {LIMIT} x   {'within' if ratio <= LIMIT else 'OVER'}")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
