"""The `speed` protocol: images per second."""
