"""Another application on the same engine: orders and payments, joined by order id.

It imports nothing of the join of essays; ``docs/how-to/another-join.md`` shows it.

=======================  ============================================================================================
module                   holds
=======================  ============================================================================================
``orders_and_payments``  the job, of some 45 lines: what an input and a tick bring about
``app``                  a worker of it: ``faust -A tests.second_job.app worker``
``simulation``           the job in the crash driver: what is sent, and how a run is judged
``mutations``            the job with a precaution taken out
=======================  ============================================================================================
"""
