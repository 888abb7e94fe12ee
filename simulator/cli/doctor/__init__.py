"""What would limit a run on this machine. Everything is tried rather than looked up."""
