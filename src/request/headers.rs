//! Header fields as the proxy passed them on.

use std::cell::OnceCell;
use std::str;

use memchr::memchr;

/// Names and values in the order they came. Values are bytes: a proxy may pass on what is not UTF-8.
#[derive(Debug, Clone, Default)]
pub struct Headers<'a> {
    fields: Vec<(&'a str, &'a [u8])>,
    /// Which fields have unusual names: looked for once, where somebody asks; mostly there is none.
    unusual: OnceCell<Vec<usize>>,
}

impl<'a> Headers<'a> {
    /// Takes names and values; pseudo headers (`:path`) are left out.
    pub fn new(fields: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let fields = fields.into_iter().filter(|(name, _)| !name.starts_with(':')).collect();
        Self { fields, unusual: OnceCell::new() }
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + '_ {
        self.fields.iter().copied()
    }

    /// Names that are not written as HTTP/2 and nearly everybody writes them: in small letters, digits and `-`.
    pub fn unusual_names(&self) -> impl Iterator<Item = &'a str> + '_ {
        let is_unusual = |byte: u8| !matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let fields = self.fields.iter().enumerate();
        let unusual =
            || fields.filter(|(_, (name, _))| name.bytes().any(is_unusual)).map(|(at, _)| at).collect();
        self.unusual.get_or_init(unusual).iter().filter_map(|at| self.fields.get(*at)).map(|(name, _)| *name)
    }

    /// Every value of one field, in order. Names are compared without regard to case.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + 's {
        self.fields
            .iter()
            .filter(move |(present, _)| present.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }

    /// Every value of one field and of what some servers would take for it, in order.
    pub fn alike<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + 's {
        self.fields.iter().filter(move |(present, _)| looks_like(present, name)).map(|(_, value)| *value)
    }

    /// The first value of one field, if it is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.all(name).next().and_then(|value| str::from_utf8(value).ok())
    }

    /// Whether the field is there at all.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// Bytes of all names and values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.fields.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// Whether the client speaks gRPC (`application/grpc`, `application/grpc+proto`, …).
    #[must_use]
    pub fn is_grpc(&self) -> bool {
        const GRPC: &str = "application/grpc";
        self.text("content-type").is_some_and(|value| {
            value.get(..GRPC.len()).is_some_and(|start| start.eq_ignore_ascii_case(GRPC))
                && matches!(value.as_bytes().get(GRPC.len()), None | Some(b'+' | b';' | b' '))
        })
    }

    /// Envoy joins repeated Authorization headers with a comma, in the raw form too, so a comma
    /// cannot be told from a second header. A bearer token holds none.
    pub(super) fn has_two_authorizations(&self) -> bool {
        let mut values = self.all("authorization");
        let first = values.next();
        values.next().is_some() || first.is_some_and(|value| memchr(b',', value).is_some())
    }
}

/// Whether a header that came with the request would be taken for `name` by a server that makes a variable of
/// it: CGI, WSGI and PHP fold `-`, some of them `.`, lighttpd whatever is no letter or digit. Equal names look
/// alike too.
#[must_use]
pub fn looks_like(present: &str, name: &str) -> bool {
    present.len() == name.len() && present.bytes().map(folded).eq(name.bytes().map(folded))
}

/// Letters in lower case, digits, and one byte for everything else.
pub(super) const fn folded(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}
