"""The real worker on a real Kafka, seen from outside only: input topics, output topics, processes, HTTP.

``shared`` has the tests that need batches of their own and nothing else: one Kafka and one worker do for all of them.
"""
