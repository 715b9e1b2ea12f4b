"""What somebody does about a finding, and what came of it."""
