"""Whom to wake, and with which words: states of monitors, suppression, silences, routes, and rules for Prometheus."""
