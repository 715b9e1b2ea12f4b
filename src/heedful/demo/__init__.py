"""The simulated company: a year of it with planted, known truths."""

from heedful.demo.folder import simulate
from heedful.demo.truths import Effect, Release, Stable, Truth, Truths

__all__ = ["Effect", "Release", "Stable", "Truth", "Truths", "simulate"]
