"""The HTTP API: its parts by themselves, and on real workers."""
