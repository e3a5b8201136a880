"""The log held against what was emitted and against the state.

===================  ===================================================================================================
module               holds
===================  ===================================================================================================
``replay``           the log folded again, compared with what was emitted
``expected``         what the log says should have been emitted, compared with what was
``audit``            the state that the changelog says, compared with the log
``comparison``       where the two states of a batch differ, and in what
``reference_model``  the second opinion that ``audit`` counts with: it shares no code with the core
``earlier``          a batch that began before the log does, as the second opinion has it: where that goes on from
``reference_batch``  a batch of the second opinion, and what an input does to it
===================  ===================================================================================================
"""
