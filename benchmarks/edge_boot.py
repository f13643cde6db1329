"""The boot of the bare WireMock jar with our flags and class-data archive against its default boot, interleaved.

Limit: at most 0.45 x. Printed beside it: a whole edge (proxying, certificates) until healthy and until its first
verified HTTPS connection. Run: ``python benchmarks/edge_boot.py [--rounds 7]``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from assay.edge import prepare, start_edge, touch
from assay.edge.archive import boot_seconds

LIMIT = 0.45
HOSTS = ("api.stripe.com", "onlinetools.ups.com", "www.ecb.europa.eu", "my300000-api.s4hana.cloud.sap")


def main() -> int:
    """Print the ratio against its limit; 1 when it is over or no archive could be made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    installation = prepare(progress=print)
    default: list[float] = []
    archived: list[float] = []
    edges: list[float] = []
    touched: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        start_edge(Path(folder), hosts=HOSTS, installation=installation).stop()  # makes the certificates, once
        for _ in range(rounds):
            default.append(boot_seconds(installation, flags="default"))
            archived.append(boot_seconds(installation))
            began = time.perf_counter()
            with start_edge(Path(folder), hosts=HOSTS, installation=installation) as edge:
                edges.append(time.perf_counter() - began)
                touch(edge.port, HOSTS, edge.certificates.authority)
                touched.append(time.perf_counter() - began)
    ratio = min(archived) / min(default)  # the least disturbed boot of each: other work on the machine only adds
    good = ratio <= LIMIT and installation.archive is not None
    print(f"Java {installation.java.version} ({installation.java.source}), {rounds} rounds, the best of each")
    print(f"bare jar, default flags       {min(default):.2f} s")
    print(f"bare jar, flags and archive   {min(archived):.2f} s")
    print(f"a whole edge until healthy    {min(edges):.2f} s")
    print(f"  … and its {len(HOSTS)} hosts touched    {min(touched):.2f} s")
    print(f"archive / default             {ratio:.2f} x   limit {LIMIT} x   {'within' if good else 'OVER'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
