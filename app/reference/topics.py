"""The page of the topics."""

from app.asyncapi.catalogue import INPUTS, OUTPUTS, Entry
from app.core import names
from app.reference.markdown import GENERATED, code, table

_HEAD = f"""\
{GENERATED}
# Topics, keys and headers

Every message with its schema, headers and real examples is in [asyncapi.json](../asyncapi.json) (AsyncAPI 3.0).
Messages are JSON envelopes in UTF-8; unknown fields are ignored at every level.
"""

_TAIL = f"""\
## Dead letters

| topic | key | what |
| --- | --- | --- |
| `{names.DEAD_LETTER}` | the original's | an input that can't be used, its value as it was |

## Internal topics

They begin with the app id (`ROLLCALL_APP_ID`), have `ROLLCALL_PARTITIONS` partitions, and are Rollcall's alone to
write.

| topic | what | kept |
| --- | --- | --- |
| `APP_ID-log` | all inputs re-keyed by batch id, bytes untouched; ticks; operators' acts | for ever |
| `APP_ID-tables-changelog` | the state, as immutable facts | compacted |

## Headers of outputs

| header | what |
| --- | --- |
| `event_id` | as in the envelope: a repeat carries the same one |
| `event_type` | the topic |
| `correlation_id` | as in the envelope |

## Headers of dead letters

| header | what |
| --- | --- |
| `rollcall.reason` | a word, such as `malformed` or `registration_conflict` |
| `rollcall.detail` | what exactly, for a person |
| `rollcall.source.topic`, `rollcall.source.partition`, `rollcall.source.offset` | where the original is |

## Headers of the internal log

| header | what |
| --- | --- |
| `s` | the input's own place: topic code (1 byte), partition (4), offset (8), big-endian |
| `g` | of which topic of that name: the first 4 bytes of its id; absent if unknown |
| `k` | the input's original key; absent where it was null |
| `x` | of a value that the log can't hold even compressed: size (8 bytes), SHA-256 (32) |
| `t` | the record is a tick |
| `a` | the record is an operator's act |
"""


def page() -> str:
    """The page: inputs and outputs of the catalogue, then what no catalogue lists."""
    return "\n".join([_HEAD, f"## Inputs\n\n{_table(INPUTS)}", f"## Outputs\n\n{_table(OUTPUTS)}", _TAIL])


def _table(entries: dict[str, Entry]) -> str:
    rows = [[code(topic), entry.message, entry.key, entry.summary] for topic, entry in entries.items()]
    return table(["topic", "message", "key", "what"], rows)
