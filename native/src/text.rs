//! Moments, ids and strings as text.

use sha1::{Digest, Sha1};

const MICROSECONDS: i64 = 1_000_000;
const DAY: i64 = 86_400;
const HEX: &[u8; 16] = b"0123456789abcdef";
/// RFC 9562: the namespace of URLs.
const NAMESPACE: [u8; 16] =
    [0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8];

/// Whether a text is a UUID in lower case with hyphens, as the platform writes them.
pub fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

fn number(text: &[u8], begin: usize, end: usize) -> Option<i64> {
    text.get(begin..end)?
        .iter()
        .try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0')))
}

/// Microseconds since the epoch of `YYYY-MM-DDTHH:MM:SS[.ffffff]Z`.
pub fn moment(text: &[u8]) -> Option<i64> {
    for (at, mark) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')] {
        (*text.get(at)? == mark).then_some(())?;
    }
    (*text.last()? == b'Z').then_some(())?;
    let (year, month, day) = (number(text, 0, 4)?, number(text, 5, 7)?, number(text, 8, 10)?);
    let (hour, minute, second) = (number(text, 11, 13)?, number(text, 14, 16)?, number(text, 17, 19)?);
    let fraction = match text.len() {
        20 => 0,
        length @ 22..=27 if text[19] == b'.' => {
            let digits = u32::try_from(length - 21).ok()?;
            number(text, 20, length - 1)? * 10i64.pow(6 - digits)
        }
        _ => return None,
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [31, 28 + i64::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days = *days.get(usize::try_from(month - 1).ok()?)?;
    if year < 1 || day < 1 || day > days || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // https://howardhinnant.github.io/date_algorithms.html
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let year = if month > 2 { year } else { year - 1 };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some((days * DAY + hour * 3600 + minute * 60 + second) * MICROSECONDS + fraction)
}

/// The text of a moment in UTC, as msgspec writes it.
pub fn iso(moment: i64) -> String {
    let (seconds, micro) = (moment.div_euclid(MICROSECONDS), moment.rem_euclid(MICROSECONDS));
    let (days, second) = (seconds.div_euclid(DAY) + 719_468, seconds.rem_euclid(DAY));
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = if micro == 0 { String::new() } else { format!(".{micro:06}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// Event ids (`app.core.messages.event_id`) of one topic: `UUIDv5` of topic and business key, separated by NUL.
pub struct EventIds(Sha1);

impl EventIds {
    pub fn new(topic: &[u8]) -> Self {
        EventIds(Sha1::new().chain_update(NAMESPACE).chain_update(topic))
    }

    pub fn of(&self, business_key: [&[u8]; 2]) -> [u8; 36] {
        let mut hash = self.0.clone();
        for part in business_key {
            hash.update(b"\0");
            hash.update(part);
        }
        let mut bytes = hash.finalize();
        bytes[6] = bytes[6] & 0x0f | 0x50;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let mut text = [b'-'; 36];
        let places = (0..36).filter(|place| !matches!(place, 8 | 13 | 18 | 23));
        for (number, place) in places.enumerate() {
            let byte = bytes[number / 2];
            text[place] = HEX[usize::from(if number % 2 == 0 { byte >> 4 } else { byte & 15 })];
        }
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
