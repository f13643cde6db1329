"""The files of rules as they stand on disk: one a monitor, one for its environment, and the unit tests beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from assay.alerts import rules, rules_tests
from assay.alerts.environment_rules import environment_group
from assay.alerts.environment_tests import environment_tests
from assay.alerts.rules import Setting
from assay.errors import UsageError
from assay.monitor import Monitor
from assay.suite_monitors import interval_of

HEAD = "# Written by `assay rules`: change the monitor or the profile, not this file.\n"
ENVIRONMENT = "assay"
"""The file of the environment's own rules is called so; no monitor may be."""


def rule_files(monitors: Sequence[Monitor], setting: Setting) -> dict[str, str]:
    """Return the text of every file by its path below the folder of rules: ``NAME.yaml`` and ``tests/NAME.yaml``.

    What takes days of simulated time to fire is tested in ``tests/days/NAME.yaml``.
    """
    files = {}
    for monitor in monitors:
        if monitor.name == ENVIRONMENT:
            raise UsageError(
                f"a monitor called '{ENVIRONMENT}' cannot have rules: the environment's own file has that name",
                where=str(monitor.source),
                hint="rename the monitor",
            )
        group = rules.monitor_group(monitor, setting)
        every = interval_of(monitor)
        alerts = [rule["alert"] for rule in group["rules"] if "alert" in rule]
        name, place = f"{monitor.name}.yaml", [f"../{monitor.name}.yaml"]
        files[name] = _text({"groups": [group]})
        tick = every / rules_tests.SCRAPES
        quick = rules_tests.monitor_tests(monitor, setting, alerts)
        files[f"tests/{name}"] = _text(rules_tests.test_file(place, quick, tick))
        slow = rules_tests.slow_burn_tests(monitor, setting)
        if slow:
            tick = rules_tests.slow_tick(every)
            files[f"tests/days/{name}"] = _text(rules_tests.test_file([f"../../{name}"], slow, tick))
    own = environment_group(monitors, setting)
    files[f"{ENVIRONMENT}.yaml"] = _text({"groups": [own]})
    tests = {
        "rule_files": [f"../{ENVIRONMENT}.yaml"],
        "evaluation_interval": "2m",
        "tests": environment_tests(monitors, setting, own["rules"]),
    }
    files[f"tests/{ENVIRONMENT}.yaml"] = _text(tests)
    return files


def differences(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Say what in a folder is not as it would be written: missing, changed, or left over from one that is gone."""
    found = []
    for name, text in sorted(files.items()):
        path = folder / name
        if not path.is_file():
            found.append(f"{path} is missing")
        elif path.read_text(encoding="utf-8") != text:
            found.append(f"{path} differs")
    return found + [f"{path} is left over" for path in left_over(folder, files)]


def write(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Write the files and remove those of monitors that are gone; return the removed."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    gone = left_over(folder, files)
    for path in gone:
        path.unlink()
    return gone


def left_over(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Return files of ours, known by their first line, that would not be written any more."""
    places = (folder, folder / "tests", folder / "tests/days")
    found = [path for place in places for path in sorted(place.glob("*.yaml"))]
    return [path for path in found if str(path.relative_to(folder)) not in files and _is_ours(path)]


def _is_ours(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as text:
        return text.readline() == HEAD


class _Dumper(yaml.SafeDumper):
    """YAML as people write it: an expression of several lines as a block."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _string)


def _text(content: Mapping[str, Any]) -> str:
    return HEAD + yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=118, allow_unicode=True)
