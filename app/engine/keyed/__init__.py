"""Joins of inputs by their keys: what is the same in each of them, so that a job says only what is its own.

==============  ===================================================================================================
module          holds
==============  ===================================================================================================
``inputs``      the router: an input goes to the partition of its key, with its place in a header
``changes``     what records of the log bring about: outputs, dead letters, rows, facts
``processor``   the loop over a chunk, with the repeats passed over; the topology of a job
==============  ===================================================================================================

A job writes a :class:`~app.engine.keyed.processor.KeyedProcessor` with two methods, for an input and for a tick.
``docs/how-to/another-join.md`` shows one.
"""
