"""The real worker on a real Kafka, seen from outside only: input topics, output topics, processes, HTTP."""
