"""Programs of the contestants that are written in Python; each runs in a process of its own."""
