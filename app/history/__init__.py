"""History: what the topics say about the past. Everything here only reads, and reads committed records.

* :mod:`app.history.timeline`: the records of a batch in the log, and what each of them did,
* :mod:`app.history.dead_letters`: the dead letters, newest first, and one put back to where it came from,
* :mod:`app.history.replay`: the log folded anew, compared with what was emitted,
* :mod:`app.history.audit`: the state that the changelog says, compared with the log, which
  :mod:`app.history.reckon` reckons up by itself, sharing no code with the core.

State is not asked of workers: all of it can be had while none runs.
"""
