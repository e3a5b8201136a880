"""The HTTP API: its parts by themselves, and on real workers.

===========  ========================================================================================================
module       holds
===========  ========================================================================================================
``lying``    members of the group that lie, and a worker beside one
``serving``  what a worker serves, in this process, with partitions of one's own
===========  ========================================================================================================
"""
