"""The `faces` protocol: how bright the photographs are, and how far heads are turned."""
