"""Records of topics: read, put in order, folded again.

=============  =========================================================================================================
module         holds
=============  =========================================================================================================
``reader``     partitions of topics from one offset to another
``places``     where the records of a log belong, when partitions were added to it
``reprocess``  records folded again with the agent that folded them the first time
=============  =========================================================================================================
"""
