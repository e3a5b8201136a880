"""Answers about all partitions of the log, whichever workers own them.

===============  =======================================================================================================
module           holds
===============  =======================================================================================================
``local_state``  answers about the partitions of this worker, from its local databases
``local_lists``  lists of batches of those partitions, a page at a time
``cluster``      answers about all partitions: this worker's, and the others' by asking them
``membership``   which worker owns which partition of the log, as the consumer group says
``peers``        questions to other workers
``peer_models``  what workers tell each other about their own partitions
``reading``      batches from a local database, in steps, the large ones once
``recent``       the last hour, in memory: for the board's chart
``acting``       an operator's act: checked, written to the log, waited for
===============  =======================================================================================================
"""
