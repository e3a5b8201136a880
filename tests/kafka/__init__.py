"""Tests of the embedded Kafka."""
