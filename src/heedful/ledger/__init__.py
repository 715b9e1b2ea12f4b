"""State that people write, in a SQL database: annotations so far."""
