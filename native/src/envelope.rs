//! The platform's envelope, read: what it looks like is told by Python (`app.wire.native_reading`).

use crate::json::Cursor;
use crate::text;

/// What the value of a field may be.
pub enum Kind {
    /// A UUID in its plain form.
    Uuid,
    /// A string of at least and at most so many characters. Of more bytes than that it is not plain.
    Text(usize, usize),
    /// One string alone.
    Constant(Vec<u8>),
    /// A moment in UTC in its plain form.
    Moment,
    Integer,
    /// One integer alone.
    Exactly(i64),
    /// An object of strings. Its `traceparent` is what is asked for, of at most so many characters.
    Texts(usize),
    Object(Vec<Field>),
}

/// A field of an object. `slot` is where what it says is kept.
pub struct Field {
    pub name: Vec<u8>,
    pub kind: Kind,
    pub nullable: bool,
    pub required: bool,
    pub slot: Option<usize>,
}

/// Slots, in the order of `app.wire.native_reading.SLOTS`. The first three are the event's strings, in its order.
const CORRELATION: usize = 3;
const DATA_CORRELATION: usize = 4;
const ENTITY: usize = 5;
const BATCH: usize = 6;
const MOMENT: usize = 7;
const TRACE: usize = 8;
pub const SLOTS: usize = 9;

/// What a plain envelope says.
#[derive(Default)]
struct Found<'a> {
    texts: [Option<&'a [u8]>; SLOTS],
    moment: i64,
}

/// A plain content.
pub struct Content<'a> {
    pub batch_id: &'a [u8],
    pub texts: [&'a [u8]; 3],
    pub correlation: &'a [u8],
    pub moment: i64,
    pub trace: Option<&'a [u8]>,
}

/// The content in a message, if the message is a plain one of these fields.
pub fn content<'a>(fields: &[Field], message: &'a [u8]) -> Option<Content<'a>> {
    let mut cursor = Cursor::new(message)?;
    let mut found = Found::default();
    object(&mut cursor, fields, &mut found)?;
    cursor.end()?;
    let Found { texts, moment } = found;
    let batch_id = match (texts[ENTITY], texts[BATCH]) {
        (Some(batch), None) | (None, Some(batch)) => batch,
        (Some(entity), Some(batch)) if entity == batch => batch,
        _ => return None,
    };
    Some(Content {
        batch_id,
        texts: [texts[0]?, texts[1]?, texts[2]?],
        correlation: texts[CORRELATION].or(texts[DATA_CORRELATION])?,
        moment,
        trace: texts[TRACE],
    })
}

fn object<'a>(cursor: &mut Cursor<'a>, fields: &[Field], found: &mut Found<'a>) -> Option<()> {
    let (mut seen, mut next) = (0u32, 0);
    cursor.object(|cursor, name| {
        // Fields mostly come in the order in which they are declared.
        let guessed = fields.get(next).filter(|field| field.name == name).map(|_| next);
        let Some(number) = guessed.or_else(|| fields.iter().position(|field| field.name == name)) else {
            return cursor.skip();
        };
        next = number + 1;
        let bit = 1u32.checked_shl(u32::try_from(number).ok()?)?;
        if seen & bit != 0 {
            return None; // twice: which one counts is Python's to say
        }
        seen |= bit;
        value(cursor, &fields[number], found)
    })?;
    let all = fields.iter().enumerate().all(|(number, field)| !field.required || seen >> number & 1 == 1);
    all.then_some(())
}

fn value<'a>(cursor: &mut Cursor<'a>, field: &Field, found: &mut Found<'a>) -> Option<()> {
    if field.nullable && cursor.peek()? == b'n' {
        return cursor.literal(b"null");
    }
    let text = match &field.kind {
        Kind::Object(fields) => return object(cursor, fields, found),
        Kind::Texts(most) => return texts(cursor, *most, found),
        Kind::Integer => return cursor.integer().map(drop),
        Kind::Exactly(number) => return (cursor.integer()? == *number).then_some(()),
        Kind::Uuid | Kind::Text(..) | Kind::Constant(_) | Kind::Moment => cursor.string()?,
    };
    let plain = match &field.kind {
        Kind::Uuid => text::is_uuid(text),
        // No string has more characters than bytes, and none has a character without a byte.
        Kind::Text(least, most) => *least <= 1 && text.len() >= *least && text.len() <= *most,
        Kind::Constant(constant) => text == constant.as_slice(),
        Kind::Moment => {
            let moment = text::moment(text)?;
            if field.slot == Some(MOMENT) {
                found.moment = moment;
            }
            true
        }
        _ => false,
    };
    if let Some(slot) = field.slot.and_then(|slot| found.texts.get_mut(slot)) {
        *slot = Some(text);
    }
    plain.then_some(())
}

fn texts<'a>(cursor: &mut Cursor<'a>, most: usize, found: &mut Found<'a>) -> Option<()> {
    cursor.object(|cursor, name| {
        let text = cursor.string()?;
        if name == b"traceparent" {
            (text.len() <= most).then_some(())?;
            found.texts[TRACE] = Some(text);
        }
        Some(())
    })
}

/// The batch that a message belongs to, if the message is plain (`app.wire.decode.batch_id_for_routing`).
pub fn batch_id(message: &[u8], most: usize) -> Option<&[u8]> {
    let mut cursor = Cursor::new(message)?;
    let (mut entity, mut batch, mut seen) = (None, None, 0);
    cursor.object(|cursor, name| {
        if name != b"data" {
            return cursor.skip();
        }
        seen += 1;
        cursor.object(|cursor, name| {
            let slot = match name {
                b"entity_id" => &mut entity,
                b"batch_id" => &mut batch,
                _ => return cursor.skip(),
            };
            let text = cursor.string()?;
            *slot = Some(text);
            (1..=most).contains(&text.len()).then_some(())
        })
    })?;
    cursor.end()?;
    entity.or(batch).filter(|_| seen == 1)
}
