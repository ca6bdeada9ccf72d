"""The `search` protocol: which options an inverter should have."""
