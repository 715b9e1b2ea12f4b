"""SQL models over the tables, one a file."""
