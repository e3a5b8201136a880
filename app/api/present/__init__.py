"""What is answered, and how it is made of what the core and the tables hold.

================  ======================================================================================================
module            holds
================  ======================================================================================================
``model``         what every request and answer is: frozen, and written in pieces
``models``        what is answered about the group
``batch_models``  what is answered about batches
``act_models``    what an operator asks for, and the answer
``views``         a batch of the core, as the models show it
``summing``       the overview: what the workers answered, put together
``explain``       why a batch isn't ready, and what would finish it
================  ======================================================================================================
"""
