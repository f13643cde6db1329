"""Assay: one verdict on a shop's integrations, before the deploy and in production."""

__version__ = "0.1.0"
