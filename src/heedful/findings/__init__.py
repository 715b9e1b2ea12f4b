"""What changed, where, for whom, because of what, and what now."""
