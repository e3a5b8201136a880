"""What tests build on.

===============  ====================================================================================================
module           holds
===============  ====================================================================================================
``events``       input envelopes as the upstream services write them
``indexed``      records as a worker gets them, indexed where the native part is built
``malformed``    messages that nobody can use, each kind with a name
``kafka_io``     a small synchronous Kafka client
``logs_of_failures``
                 what the workers said, in the report of a test that failed
``fake_broker``  brokers that are only a listening socket: for networks and nodes that fail
``fault_proxy``  a network that fails: a proxy between a worker and its brokers
``stage``        a real Kafka with topics, a client and workers
``brokers``      a running broker, borrowed and given back cleared
``shared_jvm``   the JVM that brokers of all processes of tests are in; ``jvm`` holds what runs there
``shared_life``  such a broker, from its start to its end
``worker``       worker processes
``forks``        commands as processes that are forked, not begun from nothing
``prefork``      the process that has imported them and forks
``installed``    an environment that has Rollcall as a wheel
``patience``     how long tests wait
``budgets``      budgets so small that a few slots meet them
``play``         many batches against a running worker at once
``progress``     a line a minute: what runs, and how far the tests are
``base_image``   a base for the images out of this machine's own Python
``kustomize``    renders the kustomizations of ``deploy/``
``crds``         what ``deploy/`` uses of the kinds that Kubernetes itself does not have
``spread``       which tests stay together, and which begin first
``pool``         has them run in several processes, forked from the one that has collected them
``pooled``       such a process
===============  ====================================================================================================
"""
