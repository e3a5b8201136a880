"""The pure core: what a batch is, and what each event does to it.

Nothing here imports Faust, a Kafka client, a clock or a random source (an import contract in ``pyproject.toml``
enforces it). Time and positions are arguments. A batch is a fold over its records in log order.

================  ===================================================================================================
module            holds
================  ===================================================================================================
``events``        what comes in
``acts``          what operators do, events as well
``rules``         what each event means for a batch: **the place to change a rule**
``act_rules``     the same for what operators do
``retirement``    the same for ticks that retire a batch, and for what comes late for it
``facts``         what was decided, as immutable statements: the rows of the changelog
``batch_state``   what is known of a batch, and what can be asked of it
``batch``         how a batch changes: by its facts
``replay``        what the stored rows of a batch add up to
``outputs``       what is published about a fact
``about_batch``   what is published about a batch as a whole: complete, failed, late
``errors_event``  what failed in a batch, within what a message can hold
``budget``        how much a batch can say, by arithmetic
``payloads``      the ``data`` of every output, field by field
``messages``      a message: an output event, all but the time of its emission
``names``         the names of the topics and of the events
``fold``          the step that ties them together
================  ===================================================================================================
"""
