"""Inverters: their interface, how they are trained and kept."""
