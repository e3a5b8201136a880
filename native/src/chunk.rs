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
    let mut columns: [Vec<u8>; 6] = Default::default();
    let [at, time, batch, place, offset, contents] = &mut columns;
    contents.reserve(count * 224);
    for (raw, record) in parts.iter().flat_map(|(raw, records)| records.iter().map(move |record| (*raw, record))) {
        let source = records::source(record, raw, inputs.topics);
        let content = record
            .value(raw)
            .filter(|value| value.len() <= largest && source.is_some_and(|(topic, ..)| topic == inputs.code))
            .and_then(|value| envelope::content(&inputs.fields, value));
        msgpack::put_int(at, record.offset);
        msgpack::put_int(time, record.time);
        if let (Some(content), Some((topic, partition, source))) = (content, source) {
            msgpack::put_int(batch, batches.of(content.batch_id));
            msgpack::put_int(place, places.of((topic, partition, records::generation(record, raw))));
            msgpack::put_unsigned(offset, source);
            content.put(contents, inputs.tag);
        } else {
            for column in [&mut *batch, &mut *place, &mut *offset] {
                msgpack::put_int(column, -1);
            }
            msgpack::put_null(contents);
        }
    }
    let bytes = columns.iter().map(Vec::len).sum::<usize>();
    let mut chunk = Vec::with_capacity(bytes + batches.all.len() * 40 + places.all.len() * 20 + 64);
    msgpack::put_few(&mut chunk, 8);
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
    for column in &columns {
        msgpack::put_array(&mut chunk, count);
        chunk.extend_from_slice(column);
    }
    chunk
}
