"""The fault matrix: real workers and a real broker, killed, wiped, paused and restarted while work is left.

==================  ====================================================================================================
module              holds
==================  ====================================================================================================
``workload``        an endless stream of inputs from a seed, and what is known beforehand of each batch's outcome
``traffic``         the client that sends it, the committed reader that watches what comes, and what is still owed
``faults``          the faults, and the workers that they befall
``kills``           every way of kill -9: once, once more while it starts, several at once
``disk``            the workers' disk is full for a minute
``former``          another release in the group: workers exchanged for it, and back
``cluster_faults``  those of a cluster of three brokers, and of one worker's network
``cluster_stage``   that cluster, and a proxy before the first worker
``quorum``          what is where in it, and moving it
``stage``           what is to be run, and the stage for it
``retention``       batches that are retired meanwhile
``matrix``          a run: faults one after the other under traffic that goes on, then the end
``audit``           the judgement on outputs: the oracle's, and counts of its own
``state``           the judgement on state: a worker that has only the changelog is asked about every batch
``results``         what a run saw, and the table
``counts``          what all runs so far have come to, in a file
==================  ====================================================================================================

`python -m tests.faults` is the command.
"""
