"""The wiring of one rehearsal: build, start, stop, collect."""
