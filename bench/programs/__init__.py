"""Programs of the contestants that are written in Python; each runs in a process of its own.

===================  ================================================================================================
module               holds
===================  ================================================================================================
``job``              the job in plain Python: a value a batch
``quix_app``         the job on Quix Streams
``stock_faust_app``  the job on Faust as it comes
``raw_app``          a consumer that reads and does nothing
===================  ================================================================================================
"""
