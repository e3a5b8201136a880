"""What tests build on: input messages, a Kafka client, and worker processes."""
