//! A chunk of the log, read: for each record where it stands, and the content that it brings, where that is plain.

use std::collections::HashMap;
use std::hash::Hash;
use std::io::Result;

use rmp::encode::{write_array_len, write_bin, write_nil, write_sint, write_str_len};

use crate::envelope::{self, Content, Field};
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
pub fn read(inputs: &Inputs, parts: &[Part<'_>], largest: usize) -> Result<Vec<u8>> {
    let mut batches = Numbers(Vec::new(), HashMap::new());
    let mut places = Numbers(Vec::new(), HashMap::new());
    let count = parts.iter().map(|(_, records)| records.len()).sum();
    let mut columns: [Vec<u8>; 6] = Default::default();
    let [at, time, batch, place, offset, contents] = &mut columns;
    contents.reserve(count * 224);
    for (raw, record) in parts.iter().flat_map(|(raw, records)| records.iter().map(move |record| (*raw, record))) {
        write_sint(at, record.offset)?;
        write_sint(time, record.time)?;
        let source = records::source(record, raw, inputs.topics).filter(|(topic, ..)| *topic == inputs.code);
        let content = source.and_then(|(topic, partition, source)| {
            let content = envelope::content(&inputs.fields, record.value(raw).filter(|value| value.len() <= largest)?)?;
            Some((content, (topic, partition, records::generation(record, raw)), i64::try_from(source).ok()?))
        });
        if let Some((content, from, source)) = content {
            write_sint(batch, batches.of(content.batch_id))?;
            write_sint(place, places.of(from))?;
            write_sint(offset, source)?;
            put_content(contents, inputs.tag, &content)?;
        } else {
            for column in [&mut *batch, &mut *place, &mut *offset] {
                write_sint(column, -1)?;
            }
            write_nil(contents)?;
        }
    }
    let bytes = columns.iter().map(Vec::len).sum::<usize>();
    let mut chunk = Vec::with_capacity(bytes + batches.0.len() * 40 + places.0.len() * 20 + 64);
    write_array_len(&mut chunk, 8)?;
    write_array_len(&mut chunk, length(batches.0.len()))?;
    for id in batches.0 {
        put_text(&mut chunk, id)?;
    }
    write_array_len(&mut chunk, length(places.0.len()))?;
    for (topic, partition, generation) in places.0 {
        write_array_len(&mut chunk, 3)?;
        write_sint(&mut chunk, i64::from(topic))?;
        write_sint(&mut chunk, i64::from(partition))?;
        write_bin(&mut chunk, generation)?;
    }
    for column in &columns {
        write_array_len(&mut chunk, length(count))?;
        chunk.extend_from_slice(column);
    }
    Ok(chunk)
}

/// The event as msgspec reads it: tag, strings, moment, trace.
fn put_content(into: &mut Vec<u8>, tag: u8, content: &Content<'_>) -> Result<()> {
    write_array_len(into, 7)?;
    write_sint(into, i64::from(tag))?;
    for text in content.texts {
        put_text(into, text)?;
    }
    put_text(into, content.correlation)?;
    write_sint(into, content.moment)?;
    match content.trace {
        None => write_nil(into),
        Some(trace) => put_text(into, trace),
    }
}

fn put_text(into: &mut Vec<u8>, text: &[u8]) -> Result<()> {
    write_str_len(into, length(text.len()))?;
    into.extend_from_slice(text);
    Ok(())
}

/// Lengths of what is in a fetch fit.
fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or_default()
}
