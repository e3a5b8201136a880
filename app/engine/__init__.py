"""The engine inside Faust: whole fetches instead of single events, and one barrier instead of a flush that gives up.

=================  ==================================================================================================
module             holds
=================  ==================================================================================================
``overrides``      everything that is overridden of Faust, in one place, pinned to exact versions, with a test a trap
``engine``         what a worker runs: the hop, and a task for each partition of the log that it owns
``task``           one partition of the log: fold a chunk, publish it, write it, acknowledge it
``hop``            the stateless stage that re-keys the three inputs into the log
``inbox``          what has been fetched of a partition and waits
``publish``        the barrier: batches to Kafka, and the wait for every acknowledgement
``partitioner``    the partition that Kafka's own clients put a key on
``restore``        the changelog into the local database
``topics``         which topics there are, how they are made, and which existing ones are refused
``kafka``          how clients are made
=================  ==================================================================================================

The order within a chunk is what every guarantee stands on:

* at least once: outputs, all acknowledged; then the changelog batch, acknowledged; then the local write; then the
  offset is offered for commit.
  State never says more than what was said aloud, so a crash anywhere leads to a repeat of outputs, never to a lost
  one.
* exactly once: outputs, changelog and offset in one transaction, committed; then the local write. A crash anywhere
  leads to nothing or to all of it.
"""
