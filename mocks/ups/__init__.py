"""Simulator of UPS: OAuth, Rating, Shipping, Tracking and Track Alert."""
