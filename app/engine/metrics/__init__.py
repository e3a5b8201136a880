"""The engine's own metrics, of whatever application: chunks, polls, commits, takeovers, lag, restore, state.

Base units, ``_total`` for counters, a help text each. Labels are bounded (topics, partitions, causes).

============  =====================================================================================================
module        holds
============  =====================================================================================================
``counted``   what is counted as it happens: once a chunk, a poll or a commit, never once a record
``observed``  what is looked at when it is asked for: readiness, lag, restore, size of the state
============  =====================================================================================================
"""
