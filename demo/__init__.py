"""The demo: two racing relays on a real Kafka, and what Rollcall makes of them beside the rule that hangs."""
