//! Protobuf (its encoding, "Message Structure"), as much of it as Envoy's messages need: fields borrowed from a
//! message, and a message written where it will be sent from. Groups and overlong numbers are not read.

use bytes::{BufMut, BytesMut};

/// The wire type of texts, bytes and messages.
const BYTES: u8 = 2;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held<'a> {
    /// A number; none of those that are sent matters here.
    Number,
    /// A number of fixed length, of which the messages read here have none.
    Fixed,
    /// Text, bytes or a message.
    Bytes(&'a [u8]),
}

/// The fields of a message, one after the other. `None` within: the bytes are not as they should be.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) const fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// The next field; `Some(None)` at the end, `None` where the message is malformed.
    #[expect(clippy::option_option, reason = "the end of a message and a broken one are told apart by `?`")]
    pub(super) fn next(&mut self) -> Option<Option<(u32, Held<'a>)>> {
        if self.0.is_empty() {
            return Some(None);
        }
        // Nearly every field of a `CheckRequest`: a short text or message.
        if let [key @ ..0x80, length @ ..0x80, rest @ ..] = self.0
            && key & 7 == BYTES
            && *key > BYTES
        {
            let (taken, rest) = rest.split_at_checked(usize::from(*length))?;
            self.0 = rest;
            return Some(Some((u32::from(key >> 3), Held::Bytes(taken))));
        }
        let key = u32::try_from(self.varint()?).ok()?;
        let held = match key & 7 {
            0 => {
                self.varint()?;
                Held::Number
            }
            1 => {
                self.take(8)?;
                Held::Fixed
            }
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Held::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Held::Fixed
            }
            _ => return None,
        };
        let number = key >> 3;
        if number == 0 { None } else { Some(Some((number, held))) }
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..63).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        // A tenth byte: a negative number, which only fields that do not matter could hold.
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        (*byte <= 1).then_some(value | u64::from(*byte) << 63)
    }
}

/// Text as protobuf has it.
pub(super) fn text(held: Held<'_>) -> Option<&str> {
    match held {
        Held::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
        Held::Number | Held::Fixed => None,
    }
}

/// A message, or bytes.
pub(super) fn bytes(held: Held<'_>) -> Option<&[u8]> {
    match held {
        Held::Bytes(bytes) => Some(bytes),
        Held::Number | Held::Fixed => None,
    }
}

/// A number that is not looked at.
pub(super) fn number(held: Held<'_>) -> Option<()> {
    (held == Held::Number).then_some(())
}

/// A message that is written where it will be sent from.
pub(super) struct Writer<'b>(&'b mut BytesMut);

impl<'b> Writer<'b> {
    pub(super) fn new(bytes: &'b mut BytesMut) -> Self {
        Self(bytes)
    }

    /// Text; nothing is written for an empty one, which is what a reader takes for missing.
    pub(super) fn text(&mut self, number: u8, text: &str) {
        if !text.is_empty() {
            self.text_even_if_empty(number, text);
        }
    }

    /// Text that is one of several things that could stand there.
    pub(super) fn text_even_if_empty(&mut self, number: u8, text: &str) {
        if let Ok(length @ ..0x80) = u8::try_from(text.len()) {
            self.0.put_slice(&[number << 3 | BYTES, length]);
        } else {
            self.0.put_u8(number << 3 | BYTES);
            self.length(text.len());
        }
        self.0.put_slice(text.as_bytes());
    }

    /// A number that is not negative.
    pub(super) fn number(&mut self, number: u8, value: u16) {
        if value != 0 {
            self.0.put_u8(number << 3);
            self.length(usize::from(value));
        }
    }

    /// A message within. Its length is written once it is known, into bytes kept free for it: one for a short
    /// message.
    pub(super) fn short(&mut self, number: u8, write: impl FnOnce(&mut Writer<'_>)) {
        self.message(number, 1, write);
    }

    /// The same for a message that is likely to have from 128 to 16,383 bytes.
    pub(super) fn long(&mut self, number: u8, write: impl FnOnce(&mut Writer<'_>)) {
        self.message(number, 2, write);
    }

    fn message(&mut self, number: u8, kept: usize, write: impl FnOnce(&mut Writer<'_>)) {
        self.0.put_u8(number << 3 | BYTES);
        let kept_at = self.0.len();
        self.0.put_bytes(0, kept);
        let start = self.0.len();
        write(&mut Writer(self.0));
        let length = self.0.len() - start;
        let (digits, count) = varint(length);
        if count != kept {
            self.0.put_bytes(0, count);
            self.0.copy_within(start..start + length, kept_at + count);
            self.0.truncate(kept_at + count + length);
        }
        if let Some(room) = self.0.get_mut(kept_at..kept_at + count) {
            room.iter_mut().zip(digits).for_each(|(room, digit)| *room = digit);
        }
    }

    fn length(&mut self, length: usize) {
        let (digits, count) = varint(length);
        self.0.extend_from_slice(digits.get(..count).unwrap_or_default());
    }
}

/// A number in groups of seven bits, the lowest first, and how many groups there are.
fn varint(mut number: usize) -> ([u8; 10], usize) {
    let mut digits = [0; 10];
    let mut count = 0;
    for digit in &mut digits {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        count += 1;
        *digit = if number == 0 { low & 0x7f } else { low | 0x80 };
        if number == 0 {
            break;
        }
    }
    (digits, count)
}
