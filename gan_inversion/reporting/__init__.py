"""Reporting: tables, pages, charts and events, made from records without any neural network."""
