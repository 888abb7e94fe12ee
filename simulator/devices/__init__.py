"""The life of a device: what it is, what it wants, and what it thinks happened. No socket, no clock."""
