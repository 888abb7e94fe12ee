"""The devices of a run and what they speak through. Whoever makes one brings wire, clock, timers and a way to wait."""
