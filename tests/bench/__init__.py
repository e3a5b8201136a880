"""Tests of the benchmarks' harness: arithmetic, input, judgement. Nothing is timed."""
