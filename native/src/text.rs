//! Moments, ids and strings as text.

use chrono::{DateTime, NaiveDate, SecondsFormat};
use sha1::{Digest, Sha1};
use uuid::{Builder, Uuid};

/// Whether a text is a UUID in lower case with hyphens, as the platform writes them.
pub fn is_uuid(text: &[u8]) -> bool {
    let written = |uuid: Uuid| uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes() == text;
    Uuid::try_parse_ascii(text).is_ok_and(written)
}

fn number(text: &[u8], begin: usize, end: usize) -> Option<u32> {
    text.get(begin..end)?
        .iter()
        .try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0')))
}

/// Microseconds since the epoch of `YYYY-MM-DDTHH:MM:SS[.ffffff]Z`.
pub fn moment(text: &[u8]) -> Option<i64> {
    for (at, mark) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')] {
        (*text.get(at)? == mark).then_some(())?;
    }
    (*text.last()? == b'Z').then_some(())?;
    let fraction = match text.len() {
        20 => 0,
        length @ 22..=27 if text[19] == b'.' => {
            let digits = u32::try_from(length - 21).ok()?;
            number(text, 20, length - 1)? * 10u32.pow(6 - digits)
        }
        _ => return None,
    };
    let year = i32::try_from(number(text, 0, 4)?).ok().filter(|year| *year > 0)?;
    let date = NaiveDate::from_ymd_opt(year, number(text, 5, 7)?, number(text, 8, 10)?)?;
    let (hour, minute, second) = (number(text, 11, 13)?, number(text, 14, 16)?, number(text, 17, 19)?);
    Some(date.and_hms_micro_opt(hour, minute, second, fraction)?.and_utc().timestamp_micros())
}

/// The text of a moment in UTC, as msgspec writes it.
pub fn iso(moment: i64) -> Option<String> {
    let fraction = if moment % 1_000_000 == 0 { SecondsFormat::Secs } else { SecondsFormat::Micros };
    Some(DateTime::from_timestamp_micros(moment)?.to_rfc3339_opts(fraction, true))
}

/// Event ids (`app.core.messages.event_id`) of one topic: `UUIDv5` of topic and business key, separated by NUL.
pub struct EventIds(Sha1);

impl EventIds {
    pub fn new(topic: &[u8]) -> Self {
        EventIds(Sha1::new().chain_update(Uuid::NAMESPACE_URL).chain_update(topic))
    }

    pub fn of(&self, business_key: [&[u8]; 2]) -> [u8; 36] {
        let mut hash = self.0.clone();
        for part in business_key {
            hash.update(b"\0");
            hash.update(part);
        }
        let hash = hash.finalize();
        let mut text = [0; 36];
        Builder::from_sha1_bytes(std::array::from_fn(|at| hash[at])).into_uuid().hyphenated().encode_lower(&mut text);
        text
    }
}

/// What has a short escape in JSON, and its letter.
const SHORT: [(u8, u8); 7] = [(b'"', b'"'), (b'\\', b'\\'), (8, b'b'), (9, b't'), (10, b'n'), (12, b'f'), (13, b'r')];

/// A string inside of JSON, as msgspec escapes it.
pub fn put_escaped(into: &mut Vec<u8>, text: &[u8]) {
    let special = |byte: &u8| matches!(byte, 0..=0x1f | b'"' | b'\\');
    if !text.iter().any(special) {
        into.extend_from_slice(text);
        return;
    }
    for byte in text {
        match SHORT.iter().find(|(escaped, _)| escaped == byte) {
            Some((_, letter)) => into.extend_from_slice(&[b'\\', *letter]),
            None if special(byte) => into.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            None => into.push(*byte),
        }
    }
}
