"""Topics: how they are made and checked, where they begin, where reading continues.

===================  =================================================================================================
module               holds
===================  =================================================================================================
``ensure``           makes the topics that are missing, and refuses existing ones that can't be used
``coordinators``     whether the cluster can keep groups and transactions
``plans``            which topics there are, and how they are made
``rules``            what an existing topic must be, setting by setting
``checks``           existing topics against their plans and the rules
``watch``            the same, while the worker runs
``memory``           what topics were when last looked at, and what has happened to each since
``input_watch``      inputs that are given partitions, deleted or made again under a running worker
``input_positions``  where the inputs are read on: commits say of which topic they are
``positions``        where reading continues, compared with where a partition begins and ends
``heads``            how the log and the changelog begin: what they say about the count of partitions
===================  =================================================================================================
"""
