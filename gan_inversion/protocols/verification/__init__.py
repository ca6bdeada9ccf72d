"""The `verification` protocol: same or different person."""
