"""Evaluation: arrays in, plain values and dataclasses out; no model, no deep-learning framework."""
