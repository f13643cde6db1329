"""Policies of the shop: small pure functions, each a seam a defect may replace."""
