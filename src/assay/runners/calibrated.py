"""Writes a calibrated policy into assay.toml: three keys of ``[policies.rounding]``, everything else left as it is."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from assay.errors import UsageError
from assay.profile import load_profile
from assay.rounding import Rounding

_HEAD = re.compile(r"^[ \t]*\[[ \t]*policies[ \t]*\.[ \t]*rounding[ \t]*\][^\n]*(?:\n|\Z)", re.MULTILINE)
_ANY_HEAD = re.compile(r"^[ \t]*\[", re.MULTILINE)
_POLICIES = re.compile(r"^[ \t]*\[[ \t]*policies[ \t]*[.\]][^\n]*(?:\n|\Z)", re.MULTILINE)


def write_rounding(path: Path, policy: Rounding) -> bool:
    """Write the policy into the profile and say whether that changed anything; `UsageError` where it does not fit.

    Comments, order and every other line stay. The file is replaced as a whole, and only by one that was read back and
    means this policy.
    """
    before = path.read_text(encoding="utf-8")
    after = with_rounding(before, policy)
    if after == before:
        return False
    check_writable(path)
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(after, encoding="utf-8")
    draft.chmod(path.stat().st_mode)
    try:
        wrote = load_profile(draft).policies.rounding
        if wrote is None or wrote.policy() != policy:
            raise UsageError(
                "the policy could not be placed in the profile",
                where=str(path),
                hint="write it yourself: [policies.rounding] " + ", ".join(_lines(policy)),
            )
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return True


def check_writable(path: Path) -> None:
    """Refuse a profile that is marked read-only or stands in a folder where nothing may be written: `UsageError`.

    Asked by its mode, too, because replacing a file needs no right to write it, and root has every right.
    """
    if not path.is_file():
        return  # who reads it says so
    if path.stat().st_mode & 0o222 and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return
    raise UsageError(
        "the profile cannot be written",
        where=str(path),
        expected="a file, in a folder, that may be written",
        hint="make it writable, or leave --write out and write what is printed yourself",
    )


def with_rounding(text: str, policy: Rounding) -> str:
    """Return the profile's text with the policy in it; cash steps that stand there are kept."""
    if (head := _HEAD.search(text)) is None:
        return _with_table(text, policy)
    begin, end = head.end(), _end_of_table(text, head.end())
    table, missing = text[begin:end], []
    for name, value in _values(policy).items():
        known = re.compile(rf"^([ \t]*{name}[ \t]*=[ \t]*)(\"[^\"\n]*\"|'[^'\n]*'|[^\s#]+)", re.MULTILINE)
        table, count = known.subn(rf"\g<1>{value}", table, count=1)
        if not count:
            missing.append(f"{name} = {value}\n")
    if policy.scale is None:
        table = re.sub(r"^[ \t]*scale[ \t]*=[^\n]*\n?", "", table, flags=re.MULTILINE)
    newline = "" if text[:begin].endswith("\n") else "\n"
    return text[:begin] + newline + "".join(missing) + table + text[end:]


def _with_table(text: str, policy: Rounding) -> str:
    """Return the text with a table of its own, after the policies that stand there, else at its end."""
    table = "[policies.rounding]\n" + "".join(f"{line}\n" for line in _lines(policy))
    heads = list(_POLICIES.finditer(text))
    if not heads:
        return text.rstrip("\n") + f"\n\n{table}" if text.strip() else table
    end = _end_of_table(text, heads[0].end())
    kept = text[:end].rstrip("\n")
    return f"{kept}\n\n{table}" + (f"\n{text[end:]}" if text[end:] else "")


def _end_of_table(text: str, begin: int) -> int:
    """Return where the next table begins, with the comment lines right above it."""
    found = _ANY_HEAD.search(text, begin)
    if found is None:
        return len(text)
    end = found.start()
    lines = text[begin:end].splitlines(keepends=True)
    while lines and lines[-1].lstrip().startswith("#"):
        end -= len(lines.pop())
    return end


def _values(policy: Rounding) -> Mapping[str, str]:
    values = {
        "tax_included": "true" if policy.tax_included else "false",
        "level": f'"{policy.level}"',
        "mode": f'"{policy.mode}"',
    }
    return values if policy.scale is None else {**values, "scale": str(policy.scale)}


def _lines(policy: Rounding) -> list[str]:
    lines = [f"{name} = {value}" for name, value in _values(policy).items()]
    if policy.cash:
        lines.append("cash = { " + ", ".join(f'{currency} = "{step:f}"' for currency, step in policy.cash) + " }")
    return lines
