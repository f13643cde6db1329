"""Pairs of systems as a monitor watches them: what is told, how severe it is, and what is kept from run to run."""
