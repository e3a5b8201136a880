from pathlib import Path

from aiokafka.record.default_records import DefaultRecordBatch

from bench.frames import MAX_RECORDS, Row, read, write


def rows_of(path: Path) -> dict[tuple[str, int], list[Row]]:
    found: dict[tuple[str, int], list[Row]] = {}
    for topic, partition, data in read(path):
        for record in DefaultRecordBatch(bytearray(data)):
            headers = tuple(record.headers)
            found.setdefault((topic, partition), []).append(Row(topic, partition, record.key, record.value, headers))
    return found


def test_what_is_written_is_read_back_in_the_order_of_each_partition(tmp_path: Path) -> None:
    rows = [Row("ab"[n % 2], n % 3, b"k%d" % n, b"v" * n, (("h", b"%d" % n),)) for n in range(1000)]
    assert write(tmp_path / "f", rows) == 1000
    found = rows_of(tmp_path / "f")
    assert found == {
        (topic, partition): [row for row in rows if row[:2] == (topic, partition)]
        for topic in "ab"
        for partition in range(3)
    }


def test_large_records_are_kept_whole_and_in_order(tmp_path: Path) -> None:
    rows = [Row("a", 0, None, b"x" * (600_000 if n % 100 == 7 else 10)) for n in range(500)]
    write(tmp_path / "f", rows)
    assert rows_of(tmp_path / "f")["a", 0] == rows


def test_a_batch_has_no_more_records_than_it_may(tmp_path: Path) -> None:
    write(tmp_path / "f", [Row("a", 0, None, b"x")] * 300)
    sizes = [sum(1 for _ in DefaultRecordBatch(bytearray(data))) for _, _, data in read(tmp_path / "f")]
    assert sizes == [MAX_RECORDS, MAX_RECORDS, 300 - 2 * MAX_RECORDS]


def test_the_file_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    rows = [Row("a", n % 2, b"k", b"v%d" % n) for n in range(300)]
    write(tmp_path / "one", rows)
    write(tmp_path / "two", rows)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
