"""Finds the monitors of suites: ``monitors/*.toml`` and what ``@monitor`` declares in ``monitors/*.py``."""
