"""The edges: bytes of the platform's topics to the core's events, and the core's outputs to bytes.

No Kafka client here.
"""
