//! Kafka's record batches, version 2, written.

use murmur2::{murmur2, KAFKA_SEED};

use crate::records::{Header, HEAD};

/// Where the leader's epoch stands, which is the first that the length counts; the checksum, and the first that it
/// covers; and who sends the batch.
const EPOCH: usize = 12;
const CHECKSUM: usize = 17;
const ATTRIBUTES: usize = 21;
const PRODUCER: usize = 43;

/// The room that a batch begins with, in bytes: at least and at most.
const SMALL: usize = 16 * 1024;
const LARGE: usize = 1024 * 1024;

/// A record to be written.
pub struct Row<'a> {
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [Header<'a>],
    pub time: i64,
}

/// A batch under construction.
struct Batch {
    bytes: Vec<u8>,
    count: u32,
    first_time: i64,
    max_time: i64,
}

impl Batch {
    fn new(time: i64, capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity);
        bytes.resize(HEAD, 0);
        Batch { bytes, count: 0, first_time: time, max_time: time }
    }

    /// Append a record, if the batch has not more than `limit` bytes then, or is empty.
    fn append(&mut self, row: &Row<'_>, limit: usize) -> bool {
        let since = row.time.wrapping_sub(self.first_time);
        let offset = i64::from(self.count);
        let body = 1
            + varint_size(since)
            + varint_size(offset)
            + sized(row.key)
            + sized(row.value)
            + varint_size(length(row.headers.len()))
            + row.headers.iter().map(|(name, value)| sized(Some(name)) + sized(*value)).sum::<usize>();
        if self.count > 0 && self.bytes.len() + varint_size(length(body)) + body > limit {
            return false;
        }
        put_varint(&mut self.bytes, length(body));
        self.bytes.push(0); // attributes
        put_varint(&mut self.bytes, since);
        put_varint(&mut self.bytes, offset);
        put(&mut self.bytes, row.key);
        put(&mut self.bytes, row.value);
        put_varint(&mut self.bytes, length(row.headers.len()));
        for (name, value) in row.headers {
            put(&mut self.bytes, Some(name));
            put(&mut self.bytes, *value);
        }
        self.count += 1;
        self.max_time = self.max_time.max(row.time);
        true
    }

    /// The batch, all but its producer, sequence and checksum (`seal`), between its partition and its number of records.
    fn finish(mut self, partition: usize) -> (usize, Vec<u8>, u32) {
        let size = u32::try_from(self.bytes.len() - EPOCH).unwrap_or(u32::MAX);
        let fields: [&[u8]; 9] = [
            &[0; 8], // the offset, which the broker sets
            &size.to_be_bytes(),
            &[0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0, 0], // no epoch; version; checksum and attributes to come
            &(self.count - 1).to_be_bytes(),
            &self.first_time.to_be_bytes(),
            &self.max_time.to_be_bytes(),
            &[0xff; 10], // no producer
            &[0; 4],     // the sequence to come
            &self.count.to_be_bytes(),
        ];
        set(&mut self.bytes, 0, &fields.concat());
        (partition, self.bytes, self.count)
    }
}

/// The batches of a topic, by partition.
pub struct Batches {
    limit: usize,
    partitions: Vec<Vec<Batch>>,
}

impl Batches {
    /// For `partitions` (at least one) partitions; a batch has at most `limit` bytes, or one record.
    pub fn new(partitions: u32, limit: usize) -> Self {
        Batches { limit, partitions: (0..partitions.max(1)).map(|_| Vec::new()).collect() }
    }

    /// Add a record to a partition, counted modulo their number: to that of its key, as Kafka's own clients pick it,
    /// where none is named.
    pub fn add(&mut self, partition: Option<u32>, row: &Row<'_>) {
        let of_key = || row.key.map_or(0, |key| murmur2(key, KAFKA_SEED) & 0x7fff_ffff);
        let partition = partition.unwrap_or_else(of_key);
        let count = self.partitions.len();
        let batches = &mut self.partitions[partition as usize % count];
        if !batches.last_mut().is_some_and(|batch| batch.append(row, self.limit)) {
            // Behind a full one there is mostly another: one that grows is copied with each step.
            let capacity = if batches.is_empty() { SMALL } else { self.limit.clamp(SMALL, LARGE) };
            let mut batch = Batch::new(row.time, capacity);
            batch.append(row, self.limit);
            batches.push(batch);
        }
    }

    /// Partition, bytes and number of records of each batch. There are none then.
    pub fn finish(&mut self) -> Vec<(usize, Vec<u8>, u32)> {
        let taken = self.partitions.iter_mut().map(|batches| batches.drain(..)).enumerate();
        taken.flat_map(|(partition, batches)| batches.map(move |batch| batch.finish(partition))).collect()
    }
}

/// Write what a producer says of a finished batch (who it is, and by the attributes whether in a transaction), and the
/// checksum. Nothing is done to what is too short for a batch.
pub fn seal(batch: &mut [u8], producer: i64, epoch: i16, sequence: i32, attributes: i16) {
    if batch.len() < HEAD {
        return;
    }
    set(batch, ATTRIBUTES, &attributes.to_be_bytes());
    set(batch, PRODUCER, &producer.to_be_bytes());
    set(batch, PRODUCER + 8, &epoch.to_be_bytes());
    set(batch, PRODUCER + 10, &sequence.to_be_bytes());
    let checksum = crc32c::crc32c(&batch[ATTRIBUTES..]);
    set(batch, CHECKSUM, &checksum.to_be_bytes());
}

fn set(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// Lengths of what is in memory fit.
fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn sized(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, |bytes| varint_size(length(bytes.len())) + bytes.len())
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn varint_size(value: i64) -> usize {
    (70 - (zigzag(value) | 1).leading_zeros() as usize) / 7
}

fn put_varint(bytes: &mut Vec<u8>, value: i64) {
    let mut left = zigzag(value);
    while left >= 0x80 {
        bytes.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    bytes.push((left & 0x7f) as u8);
}

fn put(bytes: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        None => put_varint(bytes, -1),
        Some(value) => {
            put_varint(bytes, length(value.len()));
            bytes.extend_from_slice(value);
        }
    }
}
