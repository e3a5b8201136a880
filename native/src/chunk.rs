//! A chunk of the log, read: for each record where it stands, and the content that it brings, where that is plain.

use std::collections::HashMap;
use std::hash::Hash;

use crate::envelope::{self, Field};
use crate::msgpack;
use crate::records::{self, Record};

/// What is told of the inputs: the fields of a content's envelope, the code of its topic of so many, and the tag of its
/// event.
pub struct Inputs {
    pub fields: Vec<Field>,
    pub code: u8,
    pub topics: u8,
    pub tag: u8,
}

/// What was met, each once, in order, and its number.
struct Numbers<T> {
    all: Vec<T>,
    known: HashMap<T, i64>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Numbers { all: Vec::new(), known: HashMap::new() }
    }
}

impl<T: Copy + Eq + Hash> Numbers<T> {
    fn of(&mut self, met: T) -> i64 {
        *self.known.entry(met).or_insert_with(|| {
            self.all.push(met);
            i64::try_from(self.all.len() - 1).unwrap_or(-1)
        })
    }
}

/// Records with the bytes that they are an index into.
pub type Part<'a> = (&'a [u8], &'a [Record]);

/// As msgspec reads `app.wire.chunk.Chunk`. A content of more than `largest` bytes is not plain.
pub fn read(inputs: &Inputs, parts: &[Part<'_>], largest: usize) -> Vec<u8> {
    let mut batches = Numbers::default();
    let mut places = Numbers::default();
    let count = parts.iter().map(|(_, records)| records.len()).sum();
    let mut entries = Vec::with_capacity(count * 256);
    for (raw, record) in parts.iter().flat_map(|(raw, records)| records.iter().map(move |record| (*raw, record))) {
        let source = records::source(record, raw, inputs.topics);
        let content = record
            .value(raw)
            .filter(|value| value.len() <= largest && source.is_some_and(|(topic, ..)| topic == inputs.code))
            .and_then(|value| envelope::content(&inputs.fields, value));
        msgpack::put_few(&mut entries, 6);
        msgpack::put_int(&mut entries, record.offset);
        msgpack::put_int(&mut entries, record.time);
        msgpack::put_few(&mut entries, 3);
        if let Some((topic, partition, offset)) = source {
            msgpack::put_int(&mut entries, i64::from(topic));
            msgpack::put_int(&mut entries, i64::from(partition));
            msgpack::put_unsigned(&mut entries, offset);
        } else {
            (0..3).for_each(|_| msgpack::put_int(&mut entries, -1));
        }
        if let (Some(content), Some((topic, partition, _))) = (content, source) {
            msgpack::put_int(&mut entries, batches.of(content.batch_id));
            msgpack::put_int(&mut entries, places.of((topic, partition, records::generation(record, raw))));
            content.put(&mut entries, inputs.tag);
        } else {
            (0..2).for_each(|_| msgpack::put_int(&mut entries, -1));
            msgpack::put_null(&mut entries);
        }
    }
    let mut chunk = Vec::with_capacity(entries.len() + batches.all.len() * 40 + places.all.len() * 20 + 16);
    msgpack::put_few(&mut chunk, 3);
    msgpack::put_array(&mut chunk, batches.all.len());
    for id in batches.all {
        msgpack::put_text(&mut chunk, id);
    }
    msgpack::put_array(&mut chunk, places.all.len());
    for (topic, partition, generation) in places.all {
        msgpack::put_few(&mut chunk, 3);
        msgpack::put_int(&mut chunk, i64::from(topic));
        msgpack::put_int(&mut chunk, i64::from(partition));
        msgpack::put_bytes(&mut chunk, generation);
    }
    msgpack::put_array(&mut chunk, count);
    chunk.extend_from_slice(&entries);
    chunk
}
