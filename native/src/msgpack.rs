//! `MessagePack`, as far as it goes between the two parts.

pub fn put_int(into: &mut Vec<u8>, value: i64) {
    if let Ok(small @ 0..=127) = u8::try_from(value) {
        into.push(small);
    } else if let Ok(value) = u32::try_from(value) {
        into.push(0xce);
        into.extend_from_slice(&value.to_be_bytes());
    } else {
        into.push(0xd3);
        into.extend_from_slice(&value.to_be_bytes());
    }
}

pub fn put_text(into: &mut Vec<u8>, text: &[u8]) {
    match u8::try_from(text.len()) {
        Ok(short @ 0..=31) => into.push(0xa0 | short),
        Ok(length) => into.extend_from_slice(&[0xd9, length]),
        Err(_) => put_length(into, 0xdb, text.len()),
    }
    into.extend_from_slice(text);
}

/// At most 255 bytes.
pub fn put_bytes(into: &mut Vec<u8>, bytes: &[u8]) {
    into.extend_from_slice(&[0xc4, u8::try_from(bytes.len()).unwrap_or_default()]);
    into.extend_from_slice(bytes);
}

pub fn put_null(into: &mut Vec<u8>) {
    into.push(0xc0);
}

/// The head of an array.
pub fn put_array(into: &mut Vec<u8>, count: usize) {
    match u8::try_from(count) {
        Ok(few @ 0..=15) => into.push(0x90 | few),
        _ => put_length(into, 0xdd, count),
    }
}

fn put_length(into: &mut Vec<u8>, kind: u8, length: usize) {
    into.push(kind);
    into.extend_from_slice(&u32::try_from(length).unwrap_or_default().to_be_bytes());
}

/// Reads what msgspec wrote; None where it is anything else.
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number(&mut self, size: usize) -> Option<u64> {
        Some(self.take(size)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn length(&mut self, size: usize) -> Option<usize> {
        usize::try_from(self.number(size)?).ok()
    }

    /// How many elements follow.
    pub fn array(&mut self) -> Option<usize> {
        match self.byte()? {
            head @ 0x90..=0x9f => Some(usize::from(head & 15)),
            head @ 0xdc..=0xdd => self.length(2 << (head - 0xdc)),
            _ => None,
        }
    }

    /// A string or null.
    #[allow(clippy::option_option)] // the outer one: that it is neither
    pub fn optional(&mut self) -> Option<Option<&'a [u8]>> {
        let length = match self.byte()? {
            0xc0 => return Some(None),
            head @ 0xa0..=0xbf => usize::from(head & 31),
            head @ 0xd9..=0xdb => self.length(1 << (head - 0xd9))?,
            _ => return None,
        };
        self.take(length).map(Some)
    }

    pub fn text(&mut self) -> Option<&'a [u8]> {
        self.optional()?
    }

    pub fn int(&mut self) -> Option<i64> {
        match self.byte()? {
            small @ (0..=0x7f | 0xe0..=0xff) => Some(i64::from(small.cast_signed())),
            head @ 0xcc..=0xcf => i64::try_from(self.number(1 << (head - 0xcc))?).ok(),
            head @ 0xd0..=0xd3 => {
                let size = 1 << (head - 0xd0);
                let unused = 64 - 8 * size;
                Some((self.number(size)? << unused).cast_signed() >> unused)
            }
            _ => None,
        }
    }
}
