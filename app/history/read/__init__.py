"""Records of topics: read, put in order, folded again.

=============  =========================================================================================================
module         holds
=============  =========================================================================================================
``reader``     partitions of topics from one offset to another
``beginning``  a log that begins late, and what is known of batches that began before it
``places``     where the records of a log belong, when partitions were added to it
``reprocess``  records folded again with the agent that folded them the first time
=============  =========================================================================================================
"""
