"""Healthy histories of real runs, what can be done to them, and what a judge must say of the result."""
