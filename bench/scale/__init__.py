"""Scaling past one machine, on one machine: what grows with workers, partitions, brokers and state, and a model of it.

Two cores can't show the speed of eight workers. What they can show is what a further worker, partition or replica
costs: CPU seconds, which are the same whoever else runs. A model with few coefficients is fitted to these, and what
follows for other rates is arithmetic.

=============  =======================================================================================================
module         holds
=============  =======================================================================================================
``__main__``   `python3 run.py scale`: the parts, one after the other, and what is written of them
``field``      workers of one run: started, watched, counted; and the cores that each is held on
``throughput`` 1, 2, 4 and 8 workers at fixed rates and over a backlog
``rebalance``  a first start, a second worker, a stop and a kill, by the number of partitions
``restored``   restores of a wiped directory, by the size of the state
``fit``        least squares for a few coefficients, with what they leave unexplained
``model``      what is fitted to what, and what follows for a rate
``table``      the tables
``document``   the JSON, written and read again
=============  =======================================================================================================
"""
