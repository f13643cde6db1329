"""Writes the ``require`` line of an environment into assay.toml, everything else in the file left as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path

from assay.errors import UsageError
from assay.local.plan import Plan
from assay.local.store_place import store_of
from assay.profile import FILE_NAME, find_profile, load_profile
from assay.store import open_store


def require_from_last_run(plan: Plan, profile_path: Path | None) -> tuple[Path, list[str]]:
    """Require what the environment's last finished run evaluated; return the file and the oracles."""
    path = profile_path or find_profile(Path.cwd())
    if path is None:
        raise UsageError("there is no assay.toml to write to", hint=f"copy the shipped {FILE_NAME} into your project")
    store = open_store(store_of(plan))
    try:
        oracles = sorted(store.last_evaluated(plan.name))
    finally:
        store.close()
    if not oracles:
        raise UsageError(
            f"no run of '{plan.name}' has evaluated anything yet",
            where=store.address,
            hint=f"assay run --env {plan.name}",
        )
    _write(path, plan.name, oracles)
    return path, oracles


def with_require(text: str, environment: str, oracles: list[str]) -> str:
    """Return the profile's text with this one line replaced or added."""
    line = f"require = {json.dumps(oracles)}"
    head = re.compile(rf"^\[environments\.{re.escape(environment)}\][^\n]*\n", re.MULTILINE)
    if found := head.search(text):
        end = re.compile(r"^\[", re.MULTILINE).search(text, found.end())
        table = text[found.end() : end.start() if end else len(text)]
        changed, count = re.subn(r"^require\s*=\s*\[[^\]]*\]", lambda _: line, table, count=1, flags=re.MULTILINE)
        rest = text[end.start() :] if end else ""
        return text[: found.end()] + (changed if count else f"{line}\n{table}") + rest
    below = re.compile(rf"^\[environments\.{re.escape(environment)}\.", re.MULTILINE).search(text)
    place = below.start() if below else len(text)
    return f"{text[:place]}[environments.{environment}]\n{line}\n\n{text[place:]}"


def _write(path: Path, environment: str, oracles: list[str]) -> None:
    before = path.read_text(encoding="utf-8")
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(with_require(before, environment, oracles), encoding="utf-8")
    try:
        wrote = load_profile(draft).environment(environment).require
        if list(wrote) != oracles:
            raise UsageError("the line could not be placed", where=str(path), hint=f"write it yourself: {oracles}")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
