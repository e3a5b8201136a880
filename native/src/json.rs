//! A strict reader of plain JSON: it says what it is sure of, else nothing. What has an escape is not plain.

/// Deeper nesting is not plain.
const DEEPEST: u32 = 32;
/// More digits may be more than 64 bits.
const MOST_DIGITS: usize = 18;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// None where the bytes are no text.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        str::from_utf8(bytes).ok()?;
        let mut cursor = Cursor { bytes, at: 0 };
        cursor.space();
        Some(cursor)
    }

    /// Whether nothing is left.
    pub fn end(&mut self) -> Option<()> {
        self.space();
        (self.at == self.bytes.len()).then_some(())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    pub fn literal(&mut self, text: &[u8]) -> Option<()> {
        self.bytes.get(self.at..)?.starts_with(text).then(|| self.at += text.len())
    }

    pub fn string(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let begin = self.at;
        // Eight bytes at a time, up to the first quote, backslash or control character.
        while let Some(word) = self.bytes.get(self.at..self.at + 8).and_then(|word| word.try_into().ok()) {
            let word = u64::from_le_bytes(word);
            let quote = word ^ (ONES * u64::from(b'"'));
            let slash = word ^ (ONES * u64::from(b'\\'));
            let special = (quote.wrapping_sub(ONES) & !quote)
                | (slash.wrapping_sub(ONES) & !slash)
                | (word.wrapping_sub(ONES * 0x20) & !word);
            if special & HIGHS != 0 {
                self.at += (special & HIGHS).trailing_zeros() as usize / 8;
                break;
            }
            self.at += 8;
        }
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' | 0..=0x1f => return None,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.bytes.get(begin..self.at - 1)
    }

    /// An integer that surely has 64 bits at most.
    pub fn integer(&mut self) -> Option<i64> {
        let negative = self.take(b'-').is_some();
        let begin = self.at;
        let mut value = 0i64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
            self.at += 1;
        }
        let digits = self.at - begin;
        let zero_ahead = self.bytes.get(begin) == Some(&b'0') && (negative || digits > 1);
        let other_number = matches!(self.peek(), Some(b'.' | b'e' | b'E'));
        if !(1..=MOST_DIGITS).contains(&digits) || zero_ahead || other_number {
            return None;
        }
        Some(if negative { -value } else { value })
    }

    /// An object; `member` reads the value of each name.
    pub fn object(&mut self, mut member: impl FnMut(&mut Self, &'a [u8]) -> Option<()>) -> Option<()> {
        self.sequence(b'{', b'}', |cursor| {
            let name = cursor.string()?;
            cursor.space();
            cursor.take(b':')?;
            cursor.space();
            member(cursor, name)
        })
    }

    fn sequence(&mut self, open: u8, close: u8, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(open)?;
        self.space();
        if self.take(close).is_some() {
            return Some(());
        }
        loop {
            self.space();
            element(self)?;
            self.space();
            if self.take(b',').is_none() {
                return self.take(close);
            }
        }
    }

    /// Pass over any plain value.
    pub fn skip(&mut self) -> Option<()> {
        self.skip_at(0)
    }

    fn skip_at(&mut self, depth: u32) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'n' => self.literal(b"null"),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'{' => self.object(|cursor, _| cursor.skip_at(depth + 1)),
            b'[' => self.sequence(b'[', b']', |cursor| cursor.skip_at(depth + 1)),
            _ => self.integer().map(drop),
        }
    }
}
