"""State that people write: annotations."""
