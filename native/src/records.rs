//! Kafka's record batches, version 2, read: <https://kafka.apache.org/documentation/#recordbatch>.

/// Bytes of a batch before its records.
pub const HEAD: usize = 61;

/// Bytes of a batch before those that its length counts.
const LENGTH_END: usize = 12;

/// More records in a batch, or offsets, are not plain.
const MOST_RECORDS: u32 = 100_000;

const COMPRESSED: u16 = 0b111;
const APPEND_TIME: u16 = 0b1000;
const MAGIC: u8 = 2;

/// Where bytes stand, or that they are null.
type Span = Option<(u32, u32)>;

/// A header: its name and its value.
pub type Header<'a> = (&'a [u8], Option<&'a [u8]>);

/// A record: where its parts stand in the bytes that it was read from.
#[derive(Clone, Copy)]
pub struct Record {
    pub offset: i64,
    pub time: i64,
    /// Which of the batches it is in.
    pub batch: u32,
    key: Span,
    value: Span,
    headers_at: u32,
    header_count: u32,
}

/// The position of an input: topic code, partition, offset.
pub type Source = (u8, u32, u64);

impl Record {
    pub fn key<'a>(&self, raw: &'a [u8]) -> Option<&'a [u8]> {
        slice(raw, self.key)
    }

    pub fn value<'a>(&self, raw: &'a [u8]) -> Option<&'a [u8]> {
        slice(raw, self.value)
    }

    /// Bytes of the value.
    pub fn size(&self) -> usize {
        self.value.map_or(0, |(_, length)| length as usize)
    }

    pub fn headers<'a>(&self, raw: &'a [u8]) -> impl Iterator<Item = Header<'a>> {
        let mut cursor = Cursor { raw, at: self.headers_at as usize };
        (0..self.header_count).map_while(move |_| {
            let name = slice(raw, cursor.span()?)?;
            Some((name, slice(raw, cursor.span()?)))
        })
    }
}

fn slice(raw: &[u8], span: Span) -> Option<&[u8]> {
    let (at, length) = span?;
    raw.get(at as usize..at as usize + length as usize)
}

struct Cursor<'a> {
    raw: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn varint(&mut self) -> Option<i64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.raw.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        None
    }

    /// Bytes with their length before them.
    fn span(&mut self) -> Option<Span> {
        let length = self.varint()?;
        if length < 0 {
            return Some(None);
        }
        let length = u32::try_from(length).ok()?;
        let at = u32::try_from(self.at).ok()?;
        let end = self.at.checked_add(length as usize)?;
        self.raw.get(self.at..end)?;
        self.at = end;
        Some(Some((at, length)))
    }
}

fn number<const N: usize>(raw: &[u8], at: usize) -> Option<[u8; N]> {
    raw.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// The records of a fetch, with their checksums checked. None where anything is not plain: a compressed batch, another
/// version, a checksum that is wrong, garbage. A batch that the broker cut off ends the fetch.
pub fn index(raw: &[u8]) -> Option<Vec<Record>> {
    let mut records = Vec::with_capacity(raw.len() / 512);
    let (mut start, mut batch) = (0, 0);
    while raw.len() - start >= LENGTH_END {
        let length = usize::try_from(i32::from_be_bytes(number(raw, start + 8)?)).ok()?;
        if length > raw.len() - start - LENGTH_END {
            break;
        }
        let end = start + LENGTH_END + length;
        index_batch(raw.get(..end)?, start, batch, &mut records)?;
        start = end;
        batch += 1;
    }
    Some(records)
}

fn index_batch(raw: &[u8], start: usize, batch: u32, records: &mut Vec<Record>) -> Option<()> {
    let attributes = u16::from_be_bytes(number(raw, start + 21)?);
    if *raw.get(start + 16)? != MAGIC || attributes & COMPRESSED != 0 {
        return None;
    }
    if crc32c::crc32c(raw.get(start + 21..)?) != u32::from_be_bytes(number(raw, start + 17)?) {
        return None;
    }
    let base = i64::from_be_bytes(number(raw, start)?);
    let first = i64::from_be_bytes(number(raw, start + 27)?);
    let latest = i64::from_be_bytes(number(raw, start + 35)?);
    let own_clock = attributes & APPEND_TIME == 0;
    let count = u32::from_be_bytes(number(raw, start + 57)?);
    let last = u32::from_be_bytes(number(raw, start + 23)?);
    // Compaction thins batches out, and empties some: they keep their last offset.
    if last >= MOST_RECORDS || count > last + 1 {
        return None;
    }
    let mut cursor = Cursor { raw, at: start + HEAD };
    for _ in 0..count {
        let length = cursor.varint()?;
        let begin = cursor.at;
        if *raw.get(begin)? != 0 {
            return None; // attributes: none are in use
        }
        cursor.at += 1;
        let since = cursor.varint()?;
        let offset = base.wrapping_add(cursor.varint()?);
        let (key, value) = (cursor.span()?, cursor.span()?);
        let header_count = u32::try_from(cursor.varint()?).ok()?;
        let headers_at = u32::try_from(cursor.at).ok()?;
        for _ in 0..header_count {
            str::from_utf8(slice(raw, cursor.span()?)?).ok()?;
            cursor.span()?;
        }
        if i64::try_from(cursor.at - begin).ok()? != length {
            return None;
        }
        let time = if own_clock { first.wrapping_add(since) } else { latest };
        records.push(Record { offset, time, batch, key, value, headers_at, header_count });
    }
    (cursor.at == raw.len()).then_some(())
}

/// The input's own position: as `app.wire.record.read_source`, with `topics` topics.
pub fn source(record: &Record, raw: &[u8], topics: u8) -> Option<Source> {
    record.headers(raw).find_map(|(name, value)| {
        let value = value.filter(|value| name == b"s" && value.len() == 13)?;
        let topic = *value.first().filter(|topic| **topic < topics)?;
        Some((topic, u32::from_be_bytes(number(value, 1)?), u64::from_be_bytes(number(value, 5)?)))
    })
}

/// The generation of the input's topic: as `app.wire.record.read_generation`.
pub fn generation<'a>(record: &Record, raw: &'a [u8]) -> &'a [u8] {
    let found = record.headers(raw).find(|(name, _)| *name == b"g");
    found.and_then(|(_, value)| value).filter(|value| value.len() == 4).unwrap_or_default()
}
