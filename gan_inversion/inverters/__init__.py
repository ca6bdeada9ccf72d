"""Inverters: their interface, their families, and how they are trained and saved."""
