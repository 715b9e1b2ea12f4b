"""Measures, their SQL and their readings."""
