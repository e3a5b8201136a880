"""Kafka clients: how they are made, what is changed in them, and what a broker's errors mean.

====================  ================================================================================================
module                holds
====================  ================================================================================================
``clients``           how clients are made: addresses, sizes, time-outs, TLS and SASL
``shared_metadata``   one view of the cluster for all producers of a worker
``aiokafka_patches``  what is changed inside aiokafka: transactions, time-outs, back-off, closing
``fetch``             the records of a fetch as one list
``decompress``        compressed batches, decompressed up to a bound
``plain``             compressed batches as plain ones, to be indexed natively
``unreadable``        a batch of records that can't be read, named
``broker_errors``     Kafka's error codes that the client lacks, and the text of a broker's refusal
``client_errors``     what a broker's final refusals mean in terms of settings, ACLs and the app id
``client_watch``      the clients' background tasks and the consumer's thread: none dies unnoticed
``predecessor``       the place in the group of the worker that was killed in this directory
``authorization``     what the broker's ACLs let the worker do, at start and while it runs
``broker_diagnosis``  why a broker can't be used: it is asked a step at a time
``crowded``           a broker that turns connections away: too many are open
``stalls``            partitions of which the broker gives out nothing, though it has more
``cluster``           what a cluster says of itself and of topics: ids, counts, settings
``partitioner``       the partition that Kafka's own clients put a key on
``murmur2``           the same for many keys at once; with numpy, so it is imported on first use
====================  ================================================================================================
"""
