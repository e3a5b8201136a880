"""The engine inside Faust: what it relies on, and each trap of the framework and the client, shown to be closed.

===========  ========================================================================================================
module       holds
===========  ========================================================================================================
``fakes``    a producer whose acknowledgements the test gives
``silent``   brokers that are sockets of this process, for what happens when they fall silent
``rig``      a real task on a real RocksDB and a producer of memory
``harness``  bugs put into a worker process, its log, its sockets, topics with settings of their own
``reached``  the names of Faust and aiokafka that the overrides reach for
===========  ========================================================================================================
"""
