"""The edges: bytes to events, and outputs to bytes."""
