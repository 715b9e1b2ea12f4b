"""Heedful measures how much heed a company pays to its customers."""
