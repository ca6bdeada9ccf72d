"""The `documented` protocol: what the reference thesis did."""
