"""The demo: two racing relays on a real Kafka, and what Rollcall makes of them beside the rule that hangs.

================  ===================================================================================================
module            holds
================  ===================================================================================================
``plan``          what will happen, fixed by the seed before anything starts
``events``        the topics and the envelope, as the services write them
``orchestrator``  the batch orchestrator: registers batches
``file_service``  the file service: stores texts or rejects uploads
``outbox``        a service's database with a transactional outbox
``relay``         publishes an outbox, and crashes where the plan says so
``services``      the two services and their relays at work
``serve``         one of the services for as long as it is left to run
``rounds``        which round of the story it acts out next, so that none is left out at a restart
``alive``         whether such a service runs
``send``          one message by hand
``topics``        making topics
``kafka``         the embedded Kafka
``worker``        the worker, as a process
``old_rule``      the rejected old rule, for comparison
``watch``         from Kafka to the view model
``board``         the view model: what an onlooker knows of every batch
``view``          the live view: table, counters, ticker, legend
``cells``         the drawing of one batch
``screen``        the view on a terminal, or a line now and then elsewhere
``stage``         the performance: everything is started, watched, judged and stopped
``check``         whether every batch came out right
``summary``       the table at the end
``together``      coroutines that run beside each other, and end together
``interrupts``    Ctrl-C, SIGTERM and SIGHUP as one orderly end
``leash``         a directory and child processes that do not outlive the demo
================  ===================================================================================================
"""
