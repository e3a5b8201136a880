"""Benchmarks as commands: every contestant does the whole job, on one broker, from one input. See README.md."""
