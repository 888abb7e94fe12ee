"""What would limit a run on this machine: for the command of that name, and before every load test. Everything is tried
rather than looked up."""
