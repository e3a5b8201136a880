"""The agents, driven with plain records, without Kafka."""
