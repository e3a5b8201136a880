"""A real Apache Kafka from Python packages alone: no Docker, no installed Java, no Maven client.

==============  =====================================================================================================
module          holds
==============  =====================================================================================================
``broker``      one broker as a child process, with the life of a Python object
``process``     a child process that does not outlive this one
``node``        its directory: ids, the metadata of an empty one, the end of its log
``cluster``     several brokers as one cluster
``properties``  its ``server.properties``
``jars``        its jars, pinned by ``jars.lock`` and checked each time
``fetching``    fetches those that are missing
``lock``        makes ``jars.lock`` again
``compiler``    compiles Java, which the tests and the benchmarks have some of; its jar is pinned by ``compiler.lock``
``java``        which Java runs it
``ahead``       Java's ahead-of-time cache, where it has been made
``rehearsal``   makes it
``ports``       free TCP ports
``probe``       whether a broker answers
``watcher``     ends the broker when the process that started it is gone
``errors``      what can go wrong, each with the remedy in its message
==============  =====================================================================================================
"""

from demo.kafka.broker import EmbeddedKafka
from demo.kafka.errors import JarMismatchError, KafkaError, KafkaStartError
from demo.kafka.ports import free_port

__all__ = ["EmbeddedKafka", "JarMismatchError", "KafkaError", "KafkaStartError", "free_port"]
