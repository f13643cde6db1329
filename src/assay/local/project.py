"""Finds the profile of a project and plans one of its environments, for the command line and the runners."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assay import dotenv
from assay.local.plan import Plan
from assay.local.state import Home
from assay.profile import FILE_NAME, Profile, find_profile, load_profile
from assay.suites import reference_suite


def find(profile_path: Path | None) -> tuple[Profile, Path]:
    """Return the profile named, found or shipped, and the folder in which landscapes keep their data."""
    path = profile_path or find_profile(Path.cwd())
    if path is not None:
        profile = load_profile(path)
        dotenv.use(profile.folder)
        return profile, profile.folder
    # The shipped profile may lie in site-packages: a landscape's data belongs where the user stands.
    here = Path.cwd()
    dotenv.use(here)
    return load_profile(reference_suite() / FILE_NAME).model_copy(update={"folder": here}), here


def plan_for(environment: str, profile_path: Path | None, **more: Any) -> Plan:
    """Return the plan of an environment."""
    profile, project = find(profile_path)
    chosen = profile.environment(environment)
    return Plan(profile=profile, name=environment, environment=chosen, home=Home(project, environment), **more)
