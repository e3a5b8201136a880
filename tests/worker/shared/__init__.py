"""Tests that share one Kafka and one worker: each needs only batches of its own."""
