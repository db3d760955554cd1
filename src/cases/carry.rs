//! Tokens put into requests, and taken out of them.

use crate::token::settings::Place;

use super::Request;

impl Request {
    /// Puts a token into its place.
    pub fn carry(&mut self, token: &str, place: &Place) {
        match place {
            Place::Header { name, scheme } => {
                let value =
                    scheme.as_ref().map_or_else(|| token.to_owned(), |scheme| format!("{scheme} {token}"));
                self.headers.push((name.clone(), value.into_bytes().into()));
            }
            Place::Cookie(name) => {
                self.headers.push(("cookie".into(), format!("{name}={token}").into_bytes().into()));
            }
            Place::Query(name) => {
                let joint = if self.target.contains('?') { '&' } else { '?' };
                self.target = format!("{}{joint}{name}={token}", self.target).into();
            }
        }
    }

    /// Puts another token where one stands.
    pub fn replace(&mut self, token: &str, other: &str) {
        for (_, value) in &mut self.headers {
            if let Ok(text) = std::str::from_utf8(value)
                && text.contains(token)
            {
                *value = text.replace(token, other).into_bytes().into();
            }
        }
        self.target = self.target.replace(token, other).into();
    }

    /// Takes out whatever stands in a place.
    pub(super) fn empty(&mut self, place: &Place) {
        match place {
            Place::Header { name, .. } => self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name)),
            Place::Cookie(name) => {
                for (known, value) in &mut self.headers {
                    if known.eq_ignore_ascii_case("cookie") {
                        *value = without_cookie(value, name).into();
                    }
                }
                self.headers
                    .retain(|(known, value)| !(known.eq_ignore_ascii_case("cookie") && value.is_empty()));
            }
            Place::Query(name) => {
                let Some((path, query)) = self.target.split_once('?') else { return };
                let is_it = |pair: &&str| pair.split('=').next() != Some(name);
                let kept: Vec<&str> = query.split('&').filter(is_it).collect();
                let joint = if kept.is_empty() { "" } else { "?" };
                self.target = format!("{path}{joint}{}", kept.join("&")).into();
            }
        }
    }
}

fn without_cookie(value: &[u8], name: &str) -> Vec<u8> {
    let is_kept =
        |pair: &&[u8]| pair.trim_ascii().split(|byte| *byte == b'=').next() != Some(name.as_bytes());
    value.split(|byte| *byte == b';').filter(is_kept).collect::<Vec<_>>().join(&b';').trim_ascii().to_vec()
}
