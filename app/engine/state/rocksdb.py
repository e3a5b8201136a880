"""How RocksDB is set up for a partition, and how ranges of its rows are read."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rocksdict import (
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    Options,
    Rdict,
    RdictIter,
    ReadOptions,
    SliceTransform,
    WriteOptions,
)

_MIB = 1024 * 1024

#: So many bytes at the beginning of a key say what a row is about, where it is about one thing: a table, a length of 4
#: bytes, and an id of 36 characters, as UUIDs have. Files and write buffers have a filter of them, so that mostly
#: nothing is looked for in those that have no row of it.
_PREFIX = 1 + 4 + 36

#: What part of a write buffer its filter takes from the beginning: of 16 MiB 84 KB, 8 bits for each of 84,000 rows of
#: 200 bytes.
_BUFFERS_FILTER = 0.005

#: RocksDB's levels. Write buffers are written to the first one as they are: four files of it are written on together,
#: compressed then. To compress each before took a fifth of all that it takes to write rows.
_LEVELS = 7


def _logged(*, logged: bool) -> WriteOptions:
    options = WriteOptions()
    options.disable_wal = not logged  # type: ignore[method-assign, assignment] # a property, whatever the stub says
    return options


#: How a write is done that outlives the process, and one that does so only once it is flushed.
LOGGED, UNLOGGED = _logged(logged=True), _logged(logged=False)


def end_of(prefix: bytes) -> bytes:
    """The first key behind every key that starts with ``prefix``, which must not be all 0xFF bytes."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1])


def database(path: Path) -> Rdict:
    """Open the database of a partition, made if need be. Raises Exception, as rocksdict does, for whatever is wrong."""
    # The column family is named, or a database that exists already would get the cache and the filters of its OPTIONS
    # file, which does not hold them: 8 MiB and none.
    options = _options()
    return Rdict(str(path), options, column_families={"default": options})


def bounds(prefix: bytes, *, filtered: bool = False) -> ReadOptions:
    """How the rows are read whose key starts with ``prefix``. To be kept while an iterator of it is in use.

    ``filtered``: no row is looked for but those, and the filters say where there are none.
    """
    options = ReadOptions()
    options.set_iterate_upper_bound(end_of(prefix))
    # Else an iterator passes rows over that do not begin as where it was set to.
    options.set_total_order_seek(not (filtered and len(prefix) >= _PREFIX))
    return options


def scan(database: Rdict, prefix: bytes, start: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The rows whose key starts with ``prefix``, in key order, from ``start`` on.

    Raises Exception where a block is damaged, as the others below do: an iterator ends there as it does at the last
    row, and only its status shows the difference.
    """
    within = bounds(prefix)  # to be kept: the iterator's bound is the memory of this object
    rows = database.iter(within)
    rows.seek(start)
    while rows.valid():
        yield rows.key(), rows.value()
        rows.next()
    rows.status()


def all_of(database: Rdict, prefix: bytes, part: Callable[[RdictIter], bytes]) -> list[bytes]:
    """The keys or the values of those rows, all at once."""
    within = bounds(prefix, filtered=True)
    rows = database.iter(within)
    rows.seek(prefix)
    found = []
    while rows.valid():
        found.append(part(rows))
        rows.next()
    rows.status()
    return found


def any_from(database: Rdict, start: bytes) -> bool:
    """Whether there is a row with this key, or any behind it."""
    options = ReadOptions()
    options.set_total_order_seek(True)
    rows = database.iter(options)
    rows.seek(start)
    found = rows.valid()
    rows.status()
    return found


def keys_of(database: Rdict, prefixes: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The keys for each of several prefixes that begin with the same byte, as they are when it begins."""
    within = bounds(prefixes[0][:1])
    rows = database.iter(within)
    for prefix in prefixes:
        rows.seek(prefix)
        found = []
        while rows.valid() and (key := rows.key()).startswith(prefix):
            found.append(key)
            rows.next()
        if not rows.valid():
            rows.status()
        yield found


def _options() -> Options:
    # Sized for a partition, of which a worker may own dozens: 16 MiB of write buffer twice and 16 MiB of block cache,
    # 48 MiB at most.
    options = Options(raw_mode=True)
    options.create_if_missing(True)  # noqa: FBT003 - rocksdict takes it by position
    options.set_write_buffer_size(16 * _MIB)
    options.set_max_write_buffer_number(2)
    none, lz4 = DBCompressionType.none(), DBCompressionType.lz4()
    options.set_compression_per_level([none] + [lz4] * (_LEVELS - 1))
    options.set_keep_log_file_num(2)
    options.set_max_open_files(256)
    # What is deleted takes its place until it is compacted, and is stepped over by each scan: a file in which a quarter
    # of 10,000 consecutive entries are deletions is compacted at once, down to the level of what they delete.
    options.add_compact_on_deletion_collector_factory(10_000, 2_500, 0.25)
    table = BlockBasedOptions()
    table.set_block_cache(Cache(16 * _MIB))
    table.set_bloom_filter(10, block_based=False)  # 10 bits a key: about 1% false positives
    options.set_block_based_table_factory(table)
    options.set_prefix_extractor(SliceTransform.create_fixed_prefix(_PREFIX))
    options.set_memtable_prefix_bloom_ratio(_BUFFERS_FILTER)
    return options
