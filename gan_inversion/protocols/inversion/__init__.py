"""The `inversion` protocol: reconstruction of faces never seen."""
