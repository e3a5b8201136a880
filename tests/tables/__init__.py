"""The tables: keys, rows, the store, and the state that rows add up to."""
