"""The reference merchant: a small honest shop and hub, the platform under test of the demo and of our self-test."""
