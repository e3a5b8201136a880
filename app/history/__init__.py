"""History: what the topics say about the past, read as a committed reader. State is not asked of workers: all of it can
be had while none runs.

Two things write: ``copy``, and the replay of a dead letter.

================  ===================================================================================================
module            holds
================  ===================================================================================================
``timeline``      the records of a batch in the log, and what each of them did
``describe``      records, facts and what came of them, in words for a person
``dead_letters``  the dead letters, newest first, and one sent again to where it came from
``at``            the state of a batch as it was at a place of the log
``replay``        the log folded again, compared with what was emitted
``refold``        records folded again with the agent that folded them the first time
``expected``      what the log says should have been emitted, compared with what was
``copy``          a copy of the log under a fresh app id
``audit``         the state that the changelog says, compared with the log
``reckon``        the second opinion that ``audit`` counts with: it shares no code with the core
``reader``        partitions of topics from one offset to another
``models``        what history answers with: the JSON of the API and of ``--json``
``times``         times as the API writes them
``places``        where the records of a log belong, when partitions were added to it
``topology``      what the system is made of: topics, agents, tables
================  ===================================================================================================
"""
