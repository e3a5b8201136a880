"""The HTTP API: state, lists, explanations, acts and a live stream, for people and for the board.

==============  =====================================================================================================
module          holds
==============  =====================================================================================================
``models``      what is asked and answered, for everybody
``local``       what workers tell each other about their own partitions
``views``       a batch of the core, as the models show it
``access``      who may ask and act
``middleware``  what goes around every handler
``budget``      how many requests at a time
``pace``        whose turn it is on the event loop: long work in steps
``apart``       topics read in a thread with an event loop of its own, beside the worker's
``reading``     batches from a local database, in steps, the large ones once
``directory``   which worker owns which partition of the log, as the consumer group says
``peers``       questions to other workers
``here``        answers about the partitions of this worker, from its local database
``whole``       answers about all partitions: this worker's, and the others' by asking them
``summing``     the overview: what the workers answered, put together
``explain``     why a batch isn't ready, and what would finish it
``acting``      an operator's act: checked, written to the log, waited for
``stream``      server-sent events
``pages``       the board's files
``errors``      errors that are answered as such: status, code and message
``handlers``    what is asked, in; an answer's model, out
``routes``      the table of routes
``server``      puts the routes on the worker's web server
``openapi``     the OpenAPI document of them
==============  =====================================================================================================

Everything that is said of a batch comes from the local database, which has only what is committed: never from the
cache that the fold works on. Handlers run on the worker's event loop, so what is long is done in steps
(:mod:`app.api.pace`).
"""
