//! Outputs of one shape, written: the constant pieces between their fields are told by Python
//! (`app.wire.native_writing`).

use rmp::decode::{read_array_len, read_int, read_nil, read_str_len};

use crate::batches::{Batches, Row};
use crate::text::{iso, put_escaped, EventIds};

/// How many of the slots (`app.wire.native_writing.SLOTS`) stand in JSON as they are; the others are escaped.
const AS_THEY_ARE: usize = 3;

/// The value of an output: the number of each slot with the piece before it, and the piece behind all.
pub struct Shape {
    pub slots: Vec<(Vec<u8>, usize)>,
    pub end: Vec<u8>,
}

/// How an output of a topic is written, without a trace and with one. `headers` are the names of those for the event
/// id, the topic and the correlation id.
pub struct Writer {
    pub topic: Vec<u8>,
    pub headers: [Vec<u8>; 3],
    pub plain: Shape,
    pub traced: Shape,
}

/// When and by whom outputs are said: both as they stand in JSON; and the time of their records (ms).
pub struct Emission<'a> {
    pub at: &'a [u8],
    pub service: &'a [u8],
    pub time: i64,
}

impl Writer {
    /// Write outputs in short, as msgspec encodes a list of `app.core.messages.Assigned`. None where it is none: nothing
    /// but what was read before it has been written then.
    pub fn write(&self, mut outputs: &[u8], emission: &Emission<'_>, batches: &mut Batches) -> Option<()> {
        let outputs = &mut outputs;
        let ids = EventIds::new(&self.topic);
        let mut value = Vec::with_capacity(2048);
        let mut moments = (i64::MIN, String::new());
        for _ in 0..read_array_len(outputs).ok()? {
            read_array_len(outputs).ok()?;
            let (batch, essay) = (text(outputs)?, text(outputs)?);
            let fields = read_array_len(outputs).ok()?;
            read_int::<i64, _>(outputs).ok()?; // the tag
            let [upload, stored, name, correlation] = [text(outputs)?, text(outputs)?, text(outputs)?, text(outputs)?];
            let moment = read_int(outputs).ok()?;
            let trace = if fields > 6 { optional(outputs)? } else { None };
            if moment != moments.0 {
                moments = (moment, iso(moment)?);
            }
            let event_id = ids.of([batch, essay]);
            let shape = if trace.is_some() { &self.traced } else { &self.plain };
            let says: [&[u8]; 11] = [
                &event_id,
                emission.at,
                emission.service,
                correlation,
                batch,
                essay,
                upload,
                stored,
                name,
                moments.1.as_bytes(),
                trace.unwrap_or_default(),
            ];
            value.clear();
            for (piece, slot) in &shape.slots {
                value.extend_from_slice(piece);
                let text = says.get(*slot)?;
                if *slot < AS_THEY_ARE {
                    value.extend_from_slice(text);
                } else {
                    put_escaped(&mut value, text);
                }
            }
            value.extend_from_slice(&shape.end);
            let [id_header, topic_header, correlation_header] = &self.headers;
            let headers = [
                (id_header.as_slice(), Some(event_id.as_slice())),
                (topic_header.as_slice(), Some(self.topic.as_slice())),
                (correlation_header.as_slice(), Some(correlation)),
            ];
            let row = Row { key: Some(essay), value: Some(&value), headers: &headers, time: emission.time };
            batches.add(None, &row);
        }
        Some(())
    }
}

fn text<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = read_str_len(from).ok()?;
    from.split_off(..usize::try_from(length).ok()?)
}

/// A text or null.
#[allow(clippy::option_option)] // the outer one: that it is neither
fn optional<'a>(from: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let mut behind = *from;
    if read_nil(&mut behind).is_ok() {
        *from = behind;
        return Some(None);
    }
    text(from).map(Some)
}
