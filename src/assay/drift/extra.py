"""What comparing whole populations needs beyond Assay itself: the packages of the extra `drift`, asked for by name."""

from __future__ import annotations

from importlib.util import find_spec

from assay.errors import UsageError

PACKAGES = ("duckdb", "pyarrow", "numpy")


def need_drift_extra() -> None:
    """Refuse with what to install where a package of the extra is missing; a command asks before it imports them."""
    absent = [package for package in PACKAGES if find_spec(package) is None]
    if absent:
        raise UsageError(
            "comparing records needs packages that are not installed",
            expected=", ".join(PACKAGES),
            seen=f"no {', '.join(absent)}",
            hint="pip install 'assay[drift]'",
        )
