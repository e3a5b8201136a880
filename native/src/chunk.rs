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

/// What was met, each once, in order, and the number of each.
struct Numbers<T>(Vec<T>, HashMap<T, i64>);

impl<T: Copy + Eq + Hash> Numbers<T> {
    fn of(&mut self, met: T) -> i64 {
        let Numbers(all, known) = self;
        *known.entry(met).or_insert_with(|| {
            all.push(met);
            i64::try_from(all.len() - 1).unwrap_or(-1)
        })
    }
}

/// Records with the bytes that they are an index into.
pub type Part<'a> = (&'a [u8], &'a [Record]);

/// As msgspec reads `app.wire.chunk.Chunk`. A content of more than `largest` bytes is not plain.
pub fn read(inputs: &Inputs, parts: &[Part<'_>], largest: usize) -> Vec<u8> {
    let mut batches = Numbers(Vec::new(), HashMap::new());
    let mut places = Numbers(Vec::new(), HashMap::new());
    let count = parts.iter().map(|(_, records)| records.len()).sum();
    let mut columns: [Vec<u8>; 6] = Default::default();
    let [at, time, batch, place, offset, contents] = &mut columns;
    contents.reserve(count * 224);
    for (raw, record) in parts.iter().flat_map(|(raw, records)| records.iter().map(move |record| (*raw, record))) {
        msgpack::put_int(at, record.offset);
        msgpack::put_int(time, record.time);
        let source = records::source(record, raw, inputs.topics).filter(|(topic, ..)| *topic == inputs.code);
        let content = source.and_then(|(topic, partition, source)| {
            let content = envelope::content(&inputs.fields, record.value(raw).filter(|value| value.len() <= largest)?)?;
            Some((content, (topic, partition, records::generation(record, raw)), i64::try_from(source).ok()?))
        });
        if let Some((content, from, source)) = content {
            msgpack::put_int(batch, batches.of(content.batch_id));
            msgpack::put_int(place, places.of(from));
            msgpack::put_int(offset, source);
            content.put(contents, inputs.tag);
        } else {
            for column in [&mut *batch, &mut *place, &mut *offset] {
                msgpack::put_int(column, -1);
            }
            msgpack::put_null(contents);
        }
    }
    let bytes = columns.iter().map(Vec::len).sum::<usize>();
    let mut chunk = Vec::with_capacity(bytes + batches.0.len() * 40 + places.0.len() * 20 + 64);
    msgpack::put_array(&mut chunk, 8);
    msgpack::put_array(&mut chunk, batches.0.len());
    for id in batches.0 {
        msgpack::put_text(&mut chunk, id);
    }
    msgpack::put_array(&mut chunk, places.0.len());
    for (topic, partition, generation) in places.0 {
        msgpack::put_array(&mut chunk, 3);
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
