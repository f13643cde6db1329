"""Print which wheels this machine needs: ``java`` without Java 17 or later, ``node`` without npm."""

from __future__ import annotations

import re
import shutil
import subprocess


def java_version() -> int:
    """Return the major version of the Java on PATH, 0 without one."""
    program = shutil.which("java")
    if program is None:
        return 0
    told = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', told)
    return int(found[1]) if found else 0


missing = []
if java_version() < 17:
    missing.append("java")
if not (shutil.which("npm") and shutil.which("node")):
    missing.append("node")
print(",".join(missing))  # noqa: T201
