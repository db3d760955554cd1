//! Fields of a protobuf message, borrowed (protobuf encoding, "Message Structure"). Only what Envoy sends:
//! groups and overlong numbers are not read.

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held<'a> {
    /// A number of any kind; none of those that are sent matters here.
    Number,
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
        let key = u32::try_from(self.varint()?).ok()?;
        let held = match key & 7 {
            0 => {
                self.varint()?;
                Held::Number
            }
            1 => {
                self.take(8)?;
                Held::Number
            }
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Held::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Held::Number
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
        Held::Number => None,
    }
}

/// A message, or bytes.
pub(super) fn bytes(held: Held<'_>) -> Option<&[u8]> {
    match held {
        Held::Bytes(bytes) => Some(bytes),
        Held::Number => None,
    }
}
