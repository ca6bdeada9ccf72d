"""The `faces` protocol: what the photographs are like."""
