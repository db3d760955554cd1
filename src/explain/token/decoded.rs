//! A token taken apart for showing, as far as that goes. Nothing here decides anything.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// What could be read of it.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    parts: usize,
    pub header: Option<Map<String, Value>>,
    pub claims: Option<Map<String, Value>>,
}

impl Decoded {
    pub fn of(token: &str) -> Self {
        let mut parts = token.split('.');
        let mut object = || {
            let bytes = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
            serde_json::from_slice::<Map<String, Value>>(&bytes).ok()
        };
        let (header, claims) = (object(), object());
        Self { parts: token.split('.').count(), header, claims }
    }

    pub fn form(&self) -> String {
        let unreadable =
            |what: &str| format!("{} parts, the {what} is no JSON object in base64url", self.parts);
        match (&self.header, &self.claims) {
            (Some(_), Some(_)) => format!("{} parts", self.parts),
            (None, _) => unreadable("header"),
            (Some(_), None) => unreadable("payload"),
        }
    }
}

/// Whole seconds of a number with a fraction.
pub(super) fn whole(value: &Value) -> Option<i64> {
    format!("{:.0}", value.as_f64()?.floor()).parse().ok()
}
