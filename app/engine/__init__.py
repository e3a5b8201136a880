"""The engine inside Faust: whole fetches instead of single events, and one barrier instead of a flush that gives up.

====================  ===============================================================================================
module                holds
====================  ===============================================================================================
``overrides``         everything that is overridden of Faust, in one place, pinned to exact versions, with a test a
                      trap
``worker``            a worker of an application: Faust, the engine and a topology, put together
``health``            whether it is live and ready, over HTTP
``engine``            what a worker runs: the hop, and a task for each partition of the log that it owns
``ports``             what the engine is handed: the border to the rest, each with its contract
``task``              one partition of the log: fold a chunk, publish it, write it, acknowledge it
``hop``               the stateless stage that re-keys the three inputs into the log
``fetch``             the records of a fetch as one list
``unreadable``        a batch of records that can't be read, named
``inbox``             what has been fetched of a partition and waits
``publish``           the barrier: batches to Kafka, and the wait for every acknowledgement
``deadline``          one budget of time for all the steps of something that must be over by then
``clock``             the broker's clock, as far as a worker knows it
``partitioner``       the partition that Kafka's own clients put a key on
``store``             the local database of one partition: RocksDB, a copy of what the changelog says
``memory_store``      a store in memory, for folding one batch again
``disk_errors``       what the operating system refuses, told from damage
``origin``            the engine's own row of a changelog: which log the rows follow from
``restore``           the changelog into the local database
``provenance``        whose state this is: of which cluster, changelog and log
``datadir``           what the operating system refuses of the data directory, by name
``topics``            makes the topics that are missing, and refuses existing ones that can't be used
``topic_plans``       which topics there are, and how they are made
``topic_rules``       what an existing topic must be, setting by setting
``topic_checks``      existing topics against their plans and the rules
``topic_watch``       the same, while the worker runs
``input_watch``       inputs that are given partitions, deleted or made again under a running worker
``input_positions``   where the inputs are read on: commits say of which topic they are
``authorization``     what the broker's ACLs let the worker do, at start and while it runs
``client_errors``     what a broker's final refusals mean in terms of settings, ACLs and the app id
``client_watch``      the clients' background tasks and the consumer's thread: none dies unnoticed
``positions``         where reading goes on, held against where a partition begins and ends
``heads``             how the log and the changelog begin: what they say about the count of partitions
``cluster``           what a cluster says of itself and of topics: ids, counts, settings
``broker_errors``     Kafka's error codes that the client lacks, and how a broker's refusal is told
``kafka``             how clients are made
``client``            what is changed inside aiokafka for transactions and coordinators, each change with a test
``aiokafka_patches``  how aiokafka behaves on a network that fails: time-outs, back-off, closing
``connect``           why a broker can't be used: it is asked a step at a time
``lag``               how far a worker is behind
====================  ===============================================================================================

The order within a chunk is what every guarantee stands on:

* at least once: outputs, all acknowledged; then the changelog batch, acknowledged; then the local write; then the
  offset is offered for commit. State never says more than what was published, so a crash anywhere leads to a repeat of
  outputs, never to a lost one.
* exactly once: outputs, changelog and offset in one transaction, committed; then the local write. A crash anywhere
  leads to nothing or to all of it.
"""
