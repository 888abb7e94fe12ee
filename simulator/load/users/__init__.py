"""The two kinds of Locust users: one that is a shard of devices, and one that is a single device."""
