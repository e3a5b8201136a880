"""What happened, in words for a person.

============  ==========================================================================================================
module        holds
============  ==========================================================================================================
``timeline``  the records of a batch in the log, and what each of them did
``describe``  records, facts and what came of them, in words for a person
``at``        the state of a batch as it was at a place of the log
``topology``  what the system is made of: topics, agents, tables
============  ==========================================================================================================
"""
