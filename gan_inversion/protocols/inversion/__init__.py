"""The `inversion` protocol: reconstruct faces of people whom the inverter never saw."""
