"""What is answered, and how it is made of what the core and the tables hold.

===========  ===========================================================================================================
module       holds
===========  ===========================================================================================================
``models``   what is asked and answered, for everybody
``views``    a batch of the core, as the models show it
``summing``  the overview: what the workers answered, put together
``explain``  why a batch isn't ready, and what would finish it
===========  ===========================================================================================================
"""
