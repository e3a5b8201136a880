"""The tables: what a task keeps about its partition of the log.

All tables of a partition share one changelog partition and one RocksDB database; the first byte of a key names the
table. One changelog batch and one local write batch therefore carry a whole chunk of the log or nothing of it: no
table is ever ahead of another.

====================  ==================================================================================================
module                holds
====================  ==================================================================================================
``batches``           rows: what became of every upload, as immutable facts: the state of a batch
``pending``           rows: the originals of uploads that wait for their registration
``waiting``           rows: which batches wait, and since when: deadlines, and lists for operators
``input_watermarks``  rows: how far each partition of the inputs has been read into the log
``generations``       rows: the same, by the topic that it was reached in
``closed``            rows: which batches rest, in the order of their last change: which are retired first
``receipts``          rows: what is kept of batches that were retired
``receipt_order``     rows: which of that was written by which tick: in which order it goes
``progress``          rows: up to which tick of the log batches were retired
``keys``              how keys are put together
``partition_state``   the view of one partition that a task works on
``batch_cache``       which batches of a partition are in memory
``index``             the ids of all batches
``batch_counts``      how many batches are in which state, in memory
``glances``           what a list says of a large batch, kept so that it need not be loaded whole
``counts_loader``     fills the counts after a start
``waiting_queue``     keeps the counts' order of who waits
====================  ==================================================================================================
"""

PART_OF = "rollcall"  # see rollcall.py
