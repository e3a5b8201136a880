"""State: the local database of each partition, whose state it is, and how it is restored from the changelog.

================  ====================================================================================================
module            holds
================  ====================================================================================================
``store``         the local database of one partition: RocksDB, a copy of what the changelog says
``rocksdb``       how RocksDB is set up for a partition
``memory_store``  a store in memory, for folding one batch again
``restore``       the changelog into the local database
``standby``       copies of partitions that other workers own, kept close to the end of their changelog
``origin``        the engine's own row of a changelog: which log the rows follow from
``folded``        the engine's other row: how far the log is folded in the rows before it
``provenance``    whose state this is: of which cluster, changelog and log
``divergence``    whether a store is a beginning of the changelog, and not of one that went on otherwise
``age``           how long a store may have been away
``datadir``       the data directory at start: made, written to, and taken by one worker
``disk_errors``   what the operating system refuses, as distinct from damage
================  ====================================================================================================
"""
