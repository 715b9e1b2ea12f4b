"""Simulated customers, and how well intervals hold on them."""
