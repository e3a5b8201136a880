//! Every entry point, whatever the bytes: nothing panics, and what was written is read again.
//! `PROPTEST_CASES` says how many cases each property has.

use proptest::collection::vec;
use proptest::prelude::*;
use rmp::encode::{write_array_len, write_nil, write_sint, write_str};

use crate::batches::{seal, Batches, Row};
use crate::chunk::{self, Inputs};
use crate::envelope::{batch_id, content, Field, Kind};
use crate::outputs::{Emission, Shape, Writer};
use crate::records;
use crate::text::{self, EventIds};

/// Few cases a property: the test command runs them each time.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300);
    ProptestConfig { failure_persistence: None, cases, ..ProptestConfig::default() }
}

const UUID: &str = "00000000-0000-4000-8000-000000000000";

fn field(name: &str, kind: Kind, required: bool, slot: Option<usize>) -> Field {
    Field { name: name.as_bytes().to_owned(), kind, nullable: !required, required, slot }
}

/// A few fields of each kind, as Python describes those of the platform's envelope.
fn fields() -> Vec<Field> {
    let data = vec![
        field("file_upload_id", Kind::Text(1, 9), true, Some(0)),
        field("text_storage_id", Kind::Text(1, 9), true, Some(1)),
        field("original_file_name", Kind::Text(0, 9), true, Some(2)),
        field("entity_id", Kind::Text(1, 9), false, Some(5)),
        field("batch_id", Kind::Text(1, 9), false, Some(6)),
        field("file_size_bytes", Kind::Integer, true, None),
        field("timestamp", Kind::Moment, true, Some(7)),
    ];
    vec![
        field("event_type", Kind::Constant(b"content".to_vec()), true, None),
        field("schema_version", Kind::Exactly(1), true, None),
        field("correlation_id", Kind::Uuid, false, Some(3)),
        field("data", Kind::Object(data), true, None),
        field("metadata", Kind::Texts(9), false, None),
    ]
}

fn envelope() -> String {
    format!(
        "{{\"event_type\":\"content\",\"schema_version\":1,\"correlation_id\":\"{UUID}\",\"data\":{{\
         \"entity_id\":\"b\",\"file_upload_id\":\"u\",\"text_storage_id\":\"t\",\"original_file_name\":\"n\",\
         \"file_size_bytes\":-7,\"timestamp\":\"2026-03-02T08:00:00.5Z\",\"other\":[1,{{\"a\":null}}]}},\
         \"metadata\":{{\"traceparent\":\"x\"}}}}"
    )
}

/// The bytes with some of them replaced, and their end cut off.
fn damaged(bytes: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let length = bytes.len();
    (vec((0..length.max(1), any::<u8>()), 0..4), 0..=length).prop_map(move |(changes, cut)| {
        let mut bytes = bytes.clone();
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(if cut % 3 == 0 { length - cut } else { length });
        bytes
    })
}

type Parts = (Option<Vec<u8>>, Option<Vec<u8>>, Vec<(String, Option<Vec<u8>>)>, i64);

fn parts() -> impl Strategy<Value = Vec<Parts>> {
    let bytes = || proptest::option::of(vec(any::<u8>(), 0..40));
    let header = (prop_oneof![Just("s".to_owned()), Just("g".to_owned()), "[a-zé]{0,3}"], bytes());
    vec((bytes(), bytes(), vec(header, 0..4), -9..9i64), 1..6)
}

/// Batches of one partition, one behind the other.
fn written(rows: &[Parts], limit: usize) -> Vec<u8> {
    let mut batches = Batches::new(1, limit);
    for (key, value, headers, time) in rows {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_deref())).collect();
        batches.add(Some(7), &Row { key: key.as_deref(), value: value.as_deref(), headers: &headers, time: *time });
    }
    let finished = batches.finish().into_iter().flat_map(|(_, mut bytes, _)| {
        seal(&mut bytes, 5, 1, 2, 0);
        bytes
    });
    finished.collect()
}

/// All that is asked of a fetch: it is indexed, and its records are read as a chunk.
fn look(raw: &[u8]) {
    let found = records::index(raw).unwrap_or_default();
    for record in &found {
        record.key(raw);
        assert_eq!(record.value(raw).map_or(0, <[u8]>::len), record.size());
        record.headers(raw).count();
    }
    chunk::read(&inputs(), &[(raw, &found), (raw, &found)], 90).expect("all can be written");
}

fn inputs() -> Inputs {
    Inputs { fields: fields(), code: 1, topics: 3, tag: 0 }
}

fn writer() -> Writer {
    let slots = || (0..11).map(|slot| (b"|".to_vec(), slot)).collect();
    let shape = || Shape { slots: slots(), end: b"}".to_vec() };
    Writer { topic: b"topic".to_vec(), headers: Default::default(), plain: shape(), traced: shape() }
}

/// A list of one output in short, as msgspec encodes it.
fn in_short(text: &str, moment: i64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write_array_len(&mut bytes, 1)?;
    write_array_len(&mut bytes, 3)?;
    write_str(&mut bytes, text)?;
    write_str(&mut bytes, "essay")?;
    write_array_len(&mut bytes, 7)?;
    write_sint(&mut bytes, 0)?;
    (0..4).try_for_each(|_| write_str(&mut bytes, text))?;
    write_sint(&mut bytes, moment)?;
    write_nil(&mut bytes)?;
    Ok(bytes)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_fetch_is_indexed_or_not(raw in vec(any::<u8>(), 0..300)) {
        look(&raw);
    }

    #[test]
    fn what_was_written_is_read_again(rows in parts(), limit in 60..200usize) {
        let raw = written(&rows, limit);
        let found = records::index(&raw).expect("sound batches");
        prop_assert_eq!(found.len(), rows.len());
        for (record, (key, value, headers, time)) in found.iter().zip(&rows) {
            prop_assert_eq!(record.key(&raw), key.as_deref());
            prop_assert_eq!(record.value(&raw), value.as_deref());
            prop_assert_eq!((record.time, record.batch < 6, record.offset < 6), (*time, true, true));
            let told: Vec<_> = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_deref())).collect();
            prop_assert_eq!(record.headers(&raw).collect::<Vec<_>>(), told);
        }
    }

    #[test]
    fn a_damaged_fetch_is_indexed_or_not(raw in parts().prop_flat_map(|rows| damaged(written(&rows, 90)))) {
        look(&raw);
    }

    #[test]
    fn a_fetch_that_is_damaged_under_a_sound_checksum_is_indexed_or_not(
        raw in parts().prop_flat_map(|rows| damaged(written(&rows, 100_000)))
    ) {
        let mut raw = raw;
        if raw.len() > records::HEAD {
            let length = u32::try_from(raw.len() - 12).expect("small");
            raw[8..12].copy_from_slice(&length.to_be_bytes());
        }
        let attributes = raw.get(21..23).map_or(0, |bytes| i16::from_be_bytes([bytes[0], bytes[1]]));
        seal(&mut raw, 0, 0, 0, attributes);
        look(&raw);
    }

    #[test]
    fn any_message_is_read_or_not(message in vec(any::<u8>(), 0..120), most in 0..9usize) {
        content(&fields(), &message);
        batch_id(&message, most);
    }

    #[test]
    fn a_damaged_message_is_read_or_not(message in damaged(envelope().into_bytes())) {
        content(&fields(), &message);
        batch_id(&message, 9);
        let source = [1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3];
        let row: Parts = (None, Some(message), vec![("s".to_owned(), Some(source.to_vec()))], 1);
        look(&written(&[row], 90));
    }

    #[test]
    fn any_outputs_are_written_or_not(outputs in vec(any::<u8>(), 0..200)) {
        let emission = Emission { at: b"now", service: b"us", time: 1 };
        writer().write(&outputs, &emission, &mut Batches::new(3, 400));
    }

    #[test]
    fn damaged_outputs_are_written_or_not(
        outputs in ("[ -~é]{0,40}", any::<i64>()).prop_flat_map(|(text, moment)| {
            damaged(in_short(&text, moment).expect("all can be written"))
        })
    ) {
        let emission = Emission { at: b"now", service: b"us", time: 1 };
        writer().write(&outputs, &emission, &mut Batches::new(3, 400));
    }

    #[test]
    fn moments_are_read_as_they_were_written(moment in -62_135_596_800_000_000..253_402_300_800_000_000i64) {
        prop_assert_eq!(text::iso(moment).and_then(|text| text::moment(text.as_bytes())), Some(moment));
    }

    #[test]
    fn any_text_is_a_moment_or_not(bytes in vec(any::<u8>(), 0..30), moment in any::<i64>()) {
        text::moment(&bytes);
        text::is_uuid(&bytes);
        text::iso(moment);
        text::put_escaped(&mut Vec::new(), &bytes);
        prop_assert!(text::is_uuid(&EventIds::new(b"topic").of([&bytes, b""])));
    }

    #[test]
    fn what_is_too_short_for_a_batch_stays_as_it_is(bytes in vec(any::<u8>(), 0..61)) {
        let mut sealed = bytes.clone();
        seal(&mut sealed, 1, 1, 1, 0);
        prop_assert_eq!(sealed, bytes);
    }
}

#[test]
fn a_plain_message_is_read() {
    let message = envelope();
    let found = content(&fields(), message.as_bytes()).expect("a plain message");
    assert_eq!(found.batch_id, b"b");
    assert_eq!(batch_id(message.as_bytes(), 9), Some(b"b".as_slice()));
}
