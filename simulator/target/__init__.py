"""What is under test: how to provision it, where its devices send to, and how to observe what it emits."""
