"""Survey questions that come with the program, one a file in `instruments/`."""
