"""The acceptance cases of the contract as data, for the pure core and for the real worker alike.

============  =======================================================================================================
module        holds
============  =======================================================================================================
``cases``     every case, with what must come of it
``notation``  a small notation for sequences of inputs
``summary``   what was emitted for a batch, in that notation
============  =======================================================================================================
"""
