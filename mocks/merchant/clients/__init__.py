"""Clients of the vendors the merchant talks to."""
