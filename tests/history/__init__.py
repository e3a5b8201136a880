"""Tests of history and of the commands."""
