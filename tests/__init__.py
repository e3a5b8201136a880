"""The tests of Rollcall, by what they hold. ``tests/oracle`` is a second opinion on the rules: it imports nothing of
the product.

==============  =====================================================================================================
module        holds
==============  =====================================================================================================
``contract``    the acceptance cases of the contract as data
``core``        the pure core against the contract
``wire``        bytes to events, and outputs to bytes
``tables``      keys, rows, the store, the state that rows add up to
``agents``      the agents, with plain records, without Kafka
``engine``      what the engine relies on, and each trap of the framework and the client
``crash``       the deterministic crash driver
``second_job``  another application on the same engine
``worker``      the real worker on a real Kafka, from outside
``faults``      the fault matrix
``security``    TLS and SASL on a real broker
``refusals``    what a broker refuses: ACLs, the group's coordinator
``api``         the HTTP API
``board``       the board in a browser
``history``     history and the commands
``asyncapi``    the AsyncAPI document
``app``         what stands around the core: settings, metrics, what is installed
``tracing``     traces with OpenTelemetry
``docs``        the documents
``ops``         dashboards, alerts, the compose file
``demo``        the demo
``native``      the native part against its Python twin
``kafka``       the embedded Kafka
``bench``       the benchmarks' arithmetic, input and judgement
``oracle``      the independent judge
``support``     what tests build on
==============  =====================================================================================================
"""
