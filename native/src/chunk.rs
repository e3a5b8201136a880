//! A chunk of the log, read: for each record where it stands, and the content that it brings, where that is plain.

use std::collections::HashMap;

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

/// Records with the bytes that they are an index into.
pub type Part<'a> = (&'a [u8], &'a [Record]);

/// As msgspec reads `app.wire.chunk.Chunk`. A content of more than `largest` bytes is not plain.
pub fn read(inputs: &Inputs, parts: &[Part<'_>], largest: usize) -> Vec<u8> {
    let mut numbers: HashMap<&[u8], usize> = HashMap::new();
    let mut ids = Vec::new();
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
            msgpack::put_bytes(&mut entries, records::generation(record, raw));
        } else {
            (0..3).for_each(|_| msgpack::put_int(&mut entries, -1));
            msgpack::put_bytes(&mut entries, b"");
        }
        if let Some(content) = content {
            let number = *numbers.entry(content.batch_id).or_insert_with(|| {
                ids.push(content.batch_id);
                ids.len() - 1
            });
            msgpack::put_int(&mut entries, i64::try_from(number).unwrap_or(-1));
            content.put(&mut entries, inputs.tag);
        } else {
            msgpack::put_int(&mut entries, -1);
            msgpack::put_null(&mut entries);
        }
    }
    let mut chunk = Vec::with_capacity(entries.len() + ids.len() * 40 + 16);
    msgpack::put_few(&mut chunk, 2);
    msgpack::put_array(&mut chunk, ids.len());
    for id in ids {
        msgpack::put_text(&mut chunk, id);
    }
    msgpack::put_array(&mut chunk, count);
    chunk.extend_from_slice(&entries);
    chunk
}
