"""The pure core against the contract: cases, the invariant, idempotence, conservation, outputs.

=============  ======================================================================================================
module         holds
=============  ======================================================================================================
``play``       plays inputs through the decoder and the fold
``sequences``  random sequences of uploads
``acting``     what operators do, ready made
``models``     the outputs as a strict consumer reads them
``examples``   how many examples a property is tried on
=============  ======================================================================================================
"""
