"""The demo: its services and their outboxes, the old rule, the view, the judgement, and the whole of it."""
