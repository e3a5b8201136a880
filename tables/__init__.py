"""The tables: what a task keeps about its partition of the log.

All tables of a partition share one changelog partition and one RocksDB database; the first byte of a key names the
table. One changelog batch and one local write batch therefore carry a whole chunk of the log or nothing of it: no
table is ever ahead of another.

================  =====================================================================
module            rows
================  =====================================================================
``batches``       what became of every upload, as immutable facts: the state of a batch
``pending``       the originals of uploads that wait for their registration
``waiting``       which batches wait, and since when: deadlines, and lists for operators
``sources``       how far each partition of the inputs has been read into the log
``origin``        which log the rows follow from, and over how many partitions its keys are spread
================  =====================================================================

``keys`` holds how keys are put together, ``slice`` the view of one partition that a task works on, ``index`` the ids of
all batches, ``census`` how many are in which state (in memory; ``survey`` fills it after a start, ``line`` keeps its
order).
"""
