"""The agents, driven with plain records, without Kafka.

===============  ====================================================================================================
module           holds
===============  ====================================================================================================
``log``          a log of plain records, and a worker that folds it as the engine does
``retirements``  logs whose ticks retire batches, and what is left of those
===============  ====================================================================================================
"""
