"""Metrics: pure functions from arrays to figures with intervals; they know no network."""
