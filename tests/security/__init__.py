"""How clients are let in by Kafka: TLS and SASL, on a real broker."""
