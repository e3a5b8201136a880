"""The engine inside Faust: whole fetches instead of single events, and one barrier instead of a flush that gives up.

================  ====================================================================================================
module            holds
================  ====================================================================================================
``ports``         what the engine is handed: the border to the rest, each with its contract
``worker``        a worker of an application: Faust, the engine and a topology, put together
``http``          what every worker serves: health, metrics, and who may ask
``metrics``       what the engine counts, and what it looks at when it is asked
``keyed``         joins of inputs by their keys: what is the same in each of them
``task_manager``  what a worker runs: the repartitioner, and a task for each partition of the log that it owns
``holdings``      what a worker holds: the records that come for it, and the offsets that follow
``takeover``      partitions that come to this worker: fenced, restored
``releases``      several releases in one group, and what is said where that can't be
``assignment``    which worker gets which partition: balanced, with as little moved as that allows
``task``          one partition of the log: process a chunk, publish it, write it, acknowledge it
``commit``        the order of the guarantee: a chunk's changes made durable, and who may write them
``ticker``        the records by which time gets into the log
``repartition``   the stateless stage that re-keys the inputs into the log
``record_queue``  what has been fetched of a partition and waits
``pace``          small chunks and polls, begun so often at most that each is worth what it costs
``batches``       record batches under construction: natively, or by aiokafka
``bulk``          an optional port: what an application does natively
``beside``        native work of whole chunks, beside the event loop
``publish``       the barrier: batches to Kafka, and the wait for every acknowledgement
``clock``         the broker's clock, as far as a worker knows it
``deadline``      one budget of time for all the steps of something that must be over by then
``ending``        a task that has to end does
``lag``           how far a worker is behind
``turns``         what blocks the loop, a piece a turn
``faust``         everything that is overridden of Faust, in one place, pinned to exact versions, with a test a trap
``kafka``         Kafka clients: how they are made, what is changed in them, and what a broker's errors mean
``topics``        topics: how they are made and checked, where they begin, where reading goes on
``state``         the local databases: what they hold, whose state it is, and how it is restored
================  ====================================================================================================

The order within a chunk is what every guarantee stands on:

* at least once: outputs, all acknowledged; then the changelog batch, acknowledged; then the local write; then the
  offset is offered for commit. State never says more than what was published, so a crash anywhere leads to a repeat of
  outputs, never to a lost one.
* exactly once: outputs and changelog, which says how far the log is folded, in one transaction, committed; then the
  local write. A crash anywhere leads to nothing or to all of it. The group's offset follows, and decides nothing.
"""
