"""The tests of Rollcall. `tests/oracle` is a second opinion on the rules: it imports nothing of the product."""
