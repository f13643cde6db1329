"""What comparing may not load: pandas and scipy take longer to import than many a pair to compare."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.engine.drift.test_drift_command import AT, cells, declare, orders, written

TRAP = """
import os
with open(os.environ["ASKED_FOR"], "a") as file:
    print(__name__, file=file)
raise ImportError(__name__)
"""


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_neither_pandas_nor_scipy_is_looked_for(project: Project, tmp_path: Path, kind: str) -> None:
    """Other libraries import pandas by themselves where it is installed; so nothing may ask them for what does."""
    traps, asked = tmp_path / "traps", tmp_path / "asked"
    traps.mkdir()
    for name in ("pandas", "scipy"):
        (traps / f"{name}.py").write_text(TRAP)
    env = {"PYTHONPATH": str(traps), "ASKED_FOR": str(asked)}
    subprocess.run([sys.executable, "-c", "import pandas"], env=env, capture_output=True, check=False)
    assert asked.read_text() == "pandas\n"  # the trap is set
    asked.unlink()
    shop, erp = orders(60)
    erp[3]["Total"] = "1.00"
    erp.append(dict(erp[9]))
    del erp[7]
    written(project, shop, erp)
    file = project.path / f"erp.{kind}"  # the shop's are Parquet
    rows = [{name: str(value) for name, value in row.items()} for row in erp]
    with file.open("w", encoding="utf-8", newline="") as out:
        if kind == "csv":
            lines = csv.DictWriter(out, list(rows[0]))
            lines.writeheader()
            lines.writerows(rows)
        else:
            out.writelines(f"{json.dumps(row)}\n" for row in rows)
    declare(project, kind=kind)
    for _ in range(2):  # whole, and by what was remembered
        done = project.assay("drift", "records", *AT, "--incremental", "--csv", "drift.csv", env=env)
        assert done.returncode == 1, done.stdout + done.stderr
        assert len(cells(project.path / "drift.csv")) == 3
    assert not asked.exists(), asked.read_text()
