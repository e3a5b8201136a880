"""The engine inside Faust: whole fetches instead of single events, and one barrier instead of a flush that gives up.

================  =============================================================================================
The order within a chunk is what every guarantee stands on:

* at least once: outputs, all acknowledged; then the changelog batch, acknowledged; then the local write; then the
  offset is offered for commit. State never says more than what was published, so a crash anywhere leads to a repeat of
  outputs, never to a lost one.
* exactly once: outputs, changelog and offset in one transaction, committed; then the local write. A crash anywhere
  leads to nothing or to all of it.
"""
