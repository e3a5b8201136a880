"""The agents: what is done with what is read.

They decode, fold and say what is to be published and written; the engine does the rest.

* :mod:`agents.rekey` reads the three inputs and re-keys them by batch id into one ordered log (stateless),
* :mod:`agents.join` reads the log and joins (stateful); :mod:`agents.acts` is what operators do, :mod:`agents.letters`
  what can't be used, :mod:`agents.poison` what stops a worker,
* :mod:`agents.work` is what a chunk amounts to, :mod:`agents.carry` fills it with what was decided, and
  :mod:`agents.parts` says how much of a record is done at a time.
"""
