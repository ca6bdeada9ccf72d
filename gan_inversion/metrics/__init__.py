"""Metrics: pure functions from arrays to figures with intervals; none runs a network."""
