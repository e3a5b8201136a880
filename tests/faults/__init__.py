"""The fault matrix: real workers and a real broker, killed, wiped, paused and restarted while work is left, and judged
by the oracle.
"""
