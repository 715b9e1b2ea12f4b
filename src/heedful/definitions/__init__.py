"""A project's text files, typed and checked."""
