"""State that people write, in a SQL database: annotations and signatures so far."""
