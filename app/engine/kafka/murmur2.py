"""The hash of Kafka's own clients, of many keys at once: keys of one length, a word of all of them at a step."""

import numpy as np

_SEED = np.uint32(0x9747B28C)
_M = np.uint32(0x5BD1E995)
_POSITIVE = np.uint32(0x7FFFFFFF)
_24, _15, _13 = np.uint32(24), np.uint32(15), np.uint32(13)


def hashed_onto(partitions: int, keys: list[bytes], length: int) -> list[int]:
    """The partition of each key, of ``partitions``; all keys are ``length`` bytes long."""
    words, tail = divmod(length, 4)
    table = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), length)
    body = np.ascontiguousarray(table[:, : words * 4]).view("<u4")
    result = np.full(len(keys), _SEED ^ np.uint32(length), dtype=np.uint32)
    for word in range(words):
        k = body[:, word] * _M
        k ^= k >> _24
        k *= _M
        result *= _M
        result ^= k
    if tail:
        for place in reversed(range(tail)):
            result ^= table[:, words * 4 + place].astype(np.uint32) << np.uint32(8 * place)
        result *= _M
    result ^= result >> _13
    result *= _M
    result ^= result >> _15
    found: list[int] = ((result & _POSITIVE) % np.uint32(partitions)).tolist()
    return found
