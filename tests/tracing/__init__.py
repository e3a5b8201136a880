"""Traces: which spans there are, that nothing is made when they are off, and a worker that sends them.

============  =======================================================================================================
module        holds
============  =======================================================================================================
``receiver``  an OTLP receiver in this process
``running``   a task and the stage before it with spans, without a broker
============  =======================================================================================================
"""
