"""Canonical tables on Delta Lake and what fills them."""
