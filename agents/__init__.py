"""The agents: what is done with what is read.

They decode, fold and say what is to be published and written; the engine does the rest.

=================  =====================================================================================================
module             holds
=================  =====================================================================================================
``rekey``          reads the three inputs and re-keys them by batch id into one ordered log (stateless)
``join``           reads the log and joins (stateful)
``contents``       the plain contents of a chunk, in one loop
``steps``          one record folded
``ticks``          what is due, and when the next is
``in_parts``       a record that concerns very many uploads
``cuts``           where in a chunk one set of changes ends and the next begins
``processor``      the join on the tables of one partition: what the engine runs
``apply``          what was decided, turned into rows and outputs
``pace``           how long a fold may keep others waiting
``parts``          how much of a record is done at a time
``acts``           what operators do, folded
``dead_letters``   what can't be used: dead letters
``retiring``       what goes once it has rested for long: what a tick is to say, and what it then does
``going``          the same of batches that need not be loaded for it
``large_output``   an output that a topic refuses for its size: how it is named
``leaving``        what a chunk retires, and which batches rest after it
``poison``         what stops a worker at a record: the error, and how it names the record
``watermarks``     up to where the inputs were read into the log: how a repeat is recognised
``completed``      what is counted of a batch that became ready
``bulk``           the native side: inputs re-keyed and outputs written, by whole chunks
``chunk_changes``  what a chunk amounts to: the records to publish, the rows to write, what to count
=================  =====================================================================================================
"""

PART_OF = "rollcall"  # see rollcall.py
