"""An independent judge of the rules: it shares no code with `app`, `tables` or `agents`, built differently on purpose.

The product folds a batch's log one event at a time. The oracle looks at the whole sequence at once and says what the
outcome must be (`tests.oracle.outcome`), what must have been emitted for it (`tests.oracle.expected`), and compares
(`tests.oracle.judge`).
"""

from tests.oracle.judge import judge
from tests.oracle.records import InputRecord, OutputRecord
from tests.oracle.verdict import Verdict

__all__ = ["InputRecord", "OutputRecord", "Verdict", "judge"]
