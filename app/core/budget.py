r"""What a batch can say has bounds, by arithmetic: each event about it fits into a message, whatever the strings are.

A message has at most 16 MiB. An event's lists may have 15 MiB of it (:data:`LARGEST`), a re-opening may take another
0.75 MiB, and what is left is for everything else: some twenty names of at most 1,000 characters, of 6 bytes each where
JSON writes them as ``\u0001``, are 120 KB.

* **Ready** names every slot and its text. A registration of so many slots that there would be no room for texts of
  :data:`LEAST_TEXT` bytes is refused (:mod:`app.wire.decode`). Of one of over 2,600 slots (15 MiB / 6,039 bytes) a text
  id may be too long: its content then takes no slot and is a dead letter, whenever it comes.
* **ValidationErrors** has a detail for each failed slot, of 16 KiB at most. Where they don't all fit, details are cut,
  then names; essays that still don't fit are left out, and counted (:mod:`app.core.errors_event`).
"""

from collections.abc import Iterable

import msgspec

from app.core.events import Registration

_MIB = 1024 * 1024

#: Of the lists of an event about a batch, as JSON.
LARGEST = 15 * _MIB

#: The same once a batch was opened again with further slots.
LARGEST_REOPENED = 15 * _MIB + 768 * 1024

#: Every text id of so many bytes of JSON finds a slot: one of 60 characters, where none needs an escape.
LEAST_TEXT = 62

#: The longest id as JSON: 1,000 characters of 6 bytes, and the quotes.
_LONGEST_TEXT = 6002

#: What JSON writes around the two ids of a slot: {"essay_id":,"text_storage_id":},
_SLOT = 33

#: So many slots, and so many characters besides, fit whatever they are: 1,000 x (2 x 6,002 + 33) + 500,000 x 6 bytes
#: are 15.04 of 15.73 million. Nothing need be reckoned for them.
_ALWAYS = 1000
_ALWAYS_BESIDES = 500_000

_encoder = msgspec.json.Encoder()


def json_size(text: str) -> int:
    """How many bytes a string has as JSON, its quotes included."""
    return len(_encoder.encode(text))


def ready_size(essay_ids: Iterable[str], besides: int, text: int) -> int:
    """How large the lists of a ready event can be where no text id has more than ``text`` bytes of JSON."""
    return besides + sum(json_size(essay_id) + _SLOT + text for essay_id in essay_ids)


def besides(registration: Registration) -> int:
    """How many bytes a ready event has for what the registration passes on."""
    instructions = registration.essay_instructions
    prompt = registration.student_prompt_ref
    return (0 if instructions is None else json_size(instructions)) + len((prompt or "").encode())


def longest_text(registration: Registration) -> int | None:
    """How many bytes of JSON a text id may have that takes a slot; None where every one fits."""
    slots = len(registration.essay_ids)
    characters = len(registration.essay_instructions or "") + len(registration.student_prompt_ref or "")
    if slots <= _ALWAYS and characters <= _ALWAYS_BESIDES:
        return None
    share = (LARGEST - ready_size(registration.essay_ids, besides(registration), 0)) // slots
    return None if share >= _LONGEST_TEXT else share


def fits(text_id: str, longest: int | None) -> bool:
    """Whether a text of this id may have a slot where ids have ``longest`` bytes of JSON at most, or any number."""
    return longest is None or json_size(text_id) <= longest


def fits_reopened(registration: Registration, essay_ids: Iterable[str], longest: int | None) -> bool:
    """Whether the ready event of a batch has room for these slots, all that it has once it is opened again."""
    text = _LONGEST_TEXT if longest is None else longest
    return ready_size(essay_ids, besides(registration), text) <= LARGEST_REOPENED
