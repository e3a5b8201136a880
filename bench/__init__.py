"""Benchmarks as commands: every contestant does the whole job, on one broker, from one input. See README.md.

===============  ====================================================================================================
module           holds
===============  ====================================================================================================
``plan``         all figures, and what is measured for each
``figures``      a figure: what it compares, its goal, and what came of it
``cells``        what is measured once a round
``special``      cells that measure something else than a backlog: a restore, latency
``large``        one very large batch, without a broker: is it linear, how long is a step
``retention``    what stays of batches that are retired for ever, without a broker
``retiring``     the same of a real worker on a broker
``passing``      the batches that pass for it
``tenths``       the figures of what is looked at after each tenth of a run
``records``      records and envelopes that a benchmark makes up itself
``offline``      CPU time of the whole job without a broker, stage by stage
``scale``        `python3 run.py scale`: what grows with workers, partitions, brokers and state
``roll``         how long partitions give no answer while workers are exchanged, or killed
``takeover``     what a takeover costs, with a standby copy and without
``probes``       contents for each partition, and how long each partition gave no answer
``watched``      a cell with the board open
``trial``        one run of one contestant, phase by phase
``contestants``  who is measured
``programs``     programs of the contestants that are written in Python
``workload``     what is sent
``frames``       ready-made record batches in a file, and the way into a topic
``reading``      what is recorded of a run and played again in another
``topics``       the topics of a run
``stage``        the broker and a directory for everything
``process``      a contestant's process: CPU time and memory
``watcher``      sees from outside when a contestant is done
``correctness``  whether what a contestant emitted is right
``statistics``   the arithmetic of the tables
``machine``      the machine and the Python that figures belong to
``report``       tables for people, JSON for everything else
===============  ====================================================================================================
"""
