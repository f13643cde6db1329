"""Simulator of the European Central Bank's euro foreign exchange reference rate files."""
