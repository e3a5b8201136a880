"""A deterministic crash driver: the engine's real path from poll to commit, in a world where everything can be stopped.

The real engine (:mod:`app.engine`: task manager, repartitioner, task, publisher, restore), join and tables run against
a simulated broker and store in virtual time. Every request to the broker and every local write is a numbered operation.
A run kills the worker at one of them, on the near or the far side of its effect, or makes it stand still there while
another one takes over; then it goes on, perhaps to the next crash, perhaps with its disk wiped. What is left in the end
is judged by the independent oracle and by an undisturbed fold of the log that came about.

================  ====================================================================
module            holds
================  ====================================================================
``clock``         the event loop in virtual time
``broker``        topics, transactions, fencing, group offsets, compaction
``clients``       producer and reader, as the engine sees them
``disk``          the local store
``operations``    the numbered places, and being struck there
``process``       a worker: the engine with a poll loop
``patches``       the names under which the engine finds Kafka, RocksDB and the clock
``job``           an application, as the driver takes it
``jobs``          the applications that it runs: ours, and the second job's
``script``        what is sent
``scenario``      what happens, and the line that repeats it
``world``         a run
``result``        what is left of it
``golden``        the undisturbed fold
``checks``        the judgement
``sweep``         all scenarios of a kind
``mutations``     the engine with a precaution taken out; of what is kept, and of
                  retirement: ``keeping_mutations``,
                  ``retiring_mutations``
``catalogue``     where each mutation is tried
================  ====================================================================

A run depends on its scenario and the code alone: ``python -m tests.crash`` with the line of a failing run repeats it.
"""
