"""History: what the topics say about the past, read as a committed reader. State is not asked of workers: all of it can
be had while none runs.

Two things write: ``copy``, and the replay of a dead letter.

================  ======================================================================================================
module            holds
================  ======================================================================================================
``read``          records of topics from one offset to another, in the order in which they belong, and folded again
``verify``        the log against what was emitted (replay), and against the state that the changelog says (audit)
``tell``          what happened, in words: the timeline of a batch, its state as it was, topics and agents
``dead_letters``  the dead letters, newest first, and one sent again to where it came from
``copy``          a copy of the log under a fresh app id
``models``        what history answers with: the JSON of the API and of ``--json``
``times``         times as the API writes them
================  ======================================================================================================
"""
