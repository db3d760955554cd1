//! gRPC messages in HTTP/2 data (gRPC over HTTP/2, "Length-Prefixed-Message").

use bytes::{BufMut, Bytes, BytesMut};

/// Bytes before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Why there is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// Over the limit.
    TooLarge,
    /// There is no room for more halves of messages.
    TooMany,
    /// No message, half of one, or more than one.
    Malformed,
    /// Compressed; nothing was agreed.
    Compressed,
}

/// A message as it comes in, usually in one piece that is then not copied.
#[derive(Debug, Default)]
pub(super) enum Pieces {
    #[default]
    None,
    One(Bytes),
    Several(BytesMut),
}

impl Pieces {
    /// Adds what arrived.
    pub(super) fn push(&mut self, piece: Bytes, most: usize) -> Result<(), Unusable> {
        if piece.is_empty() {
            return Ok(());
        }
        if self.len() + piece.len() > most.saturating_add(PREFIX) {
            return Err(Unusable::TooLarge);
        }
        *self = match std::mem::take(self) {
            Self::None => Self::One(piece),
            Self::One(first) => {
                let mut joined = BytesMut::with_capacity(first.len() + piece.len());
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&piece);
                Self::Several(joined)
            }
            Self::Several(mut joined) => {
                joined.extend_from_slice(&piece);
                Self::Several(joined)
            }
        };
        Ok(())
    }

    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(piece) => piece.len(),
            Self::Several(joined) => joined.len(),
        }
    }

    /// The one message of a unary call.
    pub(super) fn message(self, most: usize) -> Result<Bytes, Unusable> {
        let all = match self {
            Self::None => return Err(Unusable::Malformed),
            Self::One(piece) => piece,
            Self::Several(joined) => joined.freeze(),
        };
        let Some((prefix, message)) = all.split_first_chunk::<PREFIX>() else {
            return Err(Unusable::Malformed);
        };
        let [compressed, a, b, c, d] = *prefix;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if length > most {
            return Err(Unusable::TooLarge);
        }
        match compressed {
            0 if length == message.len() => Ok(all.slice_ref(message)),
            1 => Err(Unusable::Compressed),
            _ => Err(Unusable::Malformed),
        }
    }
}

/// Room for an answer; most take half of it.
const USUAL: usize = 1024;

/// A message with its prefix, written in place.
pub(super) fn framed(write: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut framed = BytesMut::with_capacity(USUAL);
    framed.put_bytes(0, PREFIX);
    write(&mut framed);
    let length = u32::try_from(framed.len() - PREFIX).unwrap_or(u32::MAX);
    framed.iter_mut().skip(1).zip(length.to_be_bytes()).for_each(|(room, byte)| *room = byte);
    framed.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(message: &[u8]) -> Bytes {
        super::framed(|bytes| bytes.extend_from_slice(message))
    }

    fn read(pieces: &[&[u8]], most: usize) -> Result<Vec<u8>, Unusable> {
        let mut all = Pieces::default();
        for piece in pieces {
            all.push(Bytes::copy_from_slice(piece), most)?;
        }
        all.message(most).map(|message| message.to_vec())
    }

    #[test]
    fn a_message_is_read_in_one_piece_and_in_many() {
        assert_eq!(read(&[&framed(b"abc")], 3), Ok(b"abc".to_vec()));
        assert_eq!(read(&[&framed(b"")], 3), Ok(Vec::new()));
        assert_eq!(read(&[b"\0", b"\0\0", b"", b"\0\x03", b"ab", b"c"], 3), Ok(b"abc".to_vec()));
    }

    #[test]
    fn what_is_no_single_message_is_refused() {
        for pieces in [
            &[&b""[..]][..],
            &[b"\0\0\0"],
            &[b"\0\0\0\0\x03ab"],
            &[b"\0\0\0\0\x02abc"],
            &[b"\x02\0\0\0\x01a"],
        ] {
            assert_eq!(read(pieces, 9), Err(Unusable::Malformed), "{pieces:?}");
        }
        assert_eq!(read(&[b"\x01\0\0\0\x01a"], 9), Err(Unusable::Compressed));
        assert_eq!(read(&[b"\0\xff\xff\xff\xff"], 9), Err(Unusable::TooLarge));
        assert_eq!(read(&[&framed(b"abcd")], 3), Err(Unusable::TooLarge));
    }
}
