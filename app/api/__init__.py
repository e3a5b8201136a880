"""The HTTP API: state, lists, explanations, acts and a live stream, for people and for the board.

===========  ===========================================================================================================
module       holds
===========  ===========================================================================================================
``http``     what a request meets: routes, access, the budget, handlers, the live stream, the board's files
``cluster``  answers about all partitions: this worker's own, and the others' by asking them; acts
``present``  what is answered: the models, and how a batch, an overview and an explanation are made of the core's
``offload``  long work beside the fold: in steps of the event loop, or in threads
``errors``   errors that are answered as such: status, code and message
===========  ===========================================================================================================

Every answer about a batch comes from the local database, which has only what is committed: never from the
cache that the fold works on. Handlers run on the worker's event loop, so what is long is done in steps
(:mod:`app.api.offload`).
"""
