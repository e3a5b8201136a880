"""The tables: what a task keeps about its partition of the log.

All tables of a partition share one changelog partition and one RocksDB database; the first byte of a key names the
table. One changelog batch and one local write batch therefore carry a whole chunk of the log or nothing of it: no
table is ever ahead of another.

===============  =============================================================================================
"""
