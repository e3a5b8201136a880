"""The edges: bytes of the platform's topics to the core's events, and the core's outputs to bytes. No Kafka client
here.

==================  =================================================================================================
module              holds
==================  =================================================================================================
``schema``          the shape of the inputs on the wire, strictly typed
``inputs``          the inputs: which topics are read, and what becomes of a message. The only list of them
``decode``          bytes to events: every input is checked here, once, and refused with a reason
``rejected``        why an input can't be used
``error_detail``    the error detail of a rejected upload, completed where fields are missing
``encode``          outputs to bytes: the envelope, and the headers
``dead_letter``     the headers of a dead letter, written and read
``record``          the records of the internal log: re-keyed inputs, ticks, acts
``chunk``           a chunk of the log, read: where each record stands, and the plain contents among them
``traceparent``     to which trace a message belongs
``acts``            what operators do, as records of the internal log
``native_reading``  a chunk read by the native part, and what it is told of the inputs
``native_writing``  outputs written by the native part, and what it is told of them
==================  =================================================================================================
"""
