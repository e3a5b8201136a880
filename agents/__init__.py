"""The agents: what is done with what is read.

They decode, fold and say what is to be published and written; the engine does the rest.

===========  ========================================================================================================
module       holds
===========  ========================================================================================================
``rekey``    reads the three inputs and re-keys them by batch id into one ordered log (stateless)
``join``     reads the log and joins (stateful)
``acts``     what operators do, folded
``letters``  what can't be used: dead letters
``work``     what a chunk amounts to: the records to publish, the rows to write, what to count
===========  ========================================================================================================
"""
