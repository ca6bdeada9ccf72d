"""Reporting: tables, pages, charts and events from records alone; it knows no network."""
