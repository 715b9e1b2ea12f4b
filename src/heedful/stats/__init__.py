"""Estimators without input or output."""
