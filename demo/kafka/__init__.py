"""A real Apache Kafka from Python packages alone: no Docker, no installed Java, no Maven client."""

from demo.kafka.broker import EmbeddedKafka
from demo.kafka.errors import JarMismatchError, KafkaError, KafkaStartError
from demo.kafka.ports import free_port

__all__ = ["EmbeddedKafka", "JarMismatchError", "KafkaError", "KafkaStartError", "free_port"]
