"""Planned comparisons: plan, assign, analyse, decide."""
