"""Tells people of findings: what to send, to whom, when."""
