//! The subject in the log: as it is, hashed, or left out.

use std::borrow::Cow;
use std::fmt::Write as _;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;

use crate::settings::LoggedSubject;

/// Bytes of a hash that are shown: nobody is taken for another, and no table turns it back.
const SHOWN: usize = 16;

#[derive(Debug)]
pub(super) enum Subjects {
    Plain,
    /// With a key that ends with the process.
    Hashed(hmac::Key),
    LeftOut,
}

impl Subjects {
    pub fn new(setting: LoggedSubject) -> Self {
        match setting {
            LoggedSubject::Plain => Self::Plain,
            LoggedSubject::None => Self::LeftOut,
            LoggedSubject::Hash => hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
                .map_or(Self::LeftOut, Self::Hashed),
        }
    }

    pub fn shown<'s>(&self, subject: &'s str) -> Option<Cow<'s, str>> {
        match self {
            Self::Plain => Some(Cow::Borrowed(subject)),
            Self::LeftOut => None,
            Self::Hashed(key) => {
                let mut text = String::with_capacity(SHOWN * 2);
                for byte in hmac::sign(key, subject.as_bytes()).as_ref().iter().take(SHOWN) {
                    let _infallible = write!(text, "{byte:02x}");
                }
                Some(Cow::Owned(text))
            }
        }
    }
}
