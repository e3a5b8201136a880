"""An independent judge of the rules: it shares no code with `app`, `tables` or `agents`, built differently on purpose.

The product folds a batch's log one event at a time. The oracle looks at the whole sequence at once.

============  =======================================================================================================
module        holds
============  =======================================================================================================
``reading``   reads an input by the rules of the contract, in plain ``json``
``outcome``   what must come of a batch
``expected``  the events that an outcome must have produced
``budget``    what an event about a batch has room for
``emitted``   reads outputs, and checks each alone and all repeats together
``judge``     compares what went in with what came out
``observed``  the same for a batch whose upload order is not known
``timed``     judges the events that time brings
``retired``   judges what came for a batch that was retired
``ideal``     what a faultless product would publish: to try the judge on
``records``   what the judge is given
``values``    compares event data
``topics``    the topic names, written out a second time on purpose
``verdict``   what the judge found
============  =======================================================================================================
"""

from tests.oracle.judge import judge
from tests.oracle.records import InputRecord, OutputRecord
from tests.oracle.verdict import Verdict

__all__ = ["InputRecord", "OutputRecord", "Verdict", "judge"]
