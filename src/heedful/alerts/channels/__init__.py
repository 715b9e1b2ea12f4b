"""Where people are told: a module for each kind of channel, with `send`."""
