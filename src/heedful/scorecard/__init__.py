"""Scale, weigh and explain readings."""
