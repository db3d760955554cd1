//! Claims and the paths by which a policy names them.

mod set;

use std::fmt;

use serde_json::Value;

pub use set::Claims;

/// A way into a claim set: `realm_access.roles`, `["https://example.com/roles"]`,
/// `resource_access["my.client"].roles`. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClaimPath(Vec<Box<str>>);

impl ClaimPath {
    /// Reads a path as written.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut segments = Vec::new();
        let mut rest = text;
        let mut after_dot = true;
        while !rest.is_empty() {
            if let Some(quoted) = rest.strip_prefix("[\"") {
                let (name, after) = quoted.split_once("\"]").ok_or("a `[\"` is not closed by `\"]`")?;
                if name.is_empty() {
                    return Err("a segment is empty");
                }
                segments.push(name.into());
                rest = after;
            } else {
                if !after_dot {
                    return Err("a `.` is missing between two segments");
                }
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let (name, after) = rest.split_at_checked(end).ok_or("it is cut inside a character")?;
                if name.is_empty() {
                    return Err("a segment is empty");
                }
                if name.contains(['/', ':', '"', ']', '{', '}']) || name.contains(char::is_whitespace) {
                    return Err("a segment with slashes, colons or the like is written `[\"…\"]`");
                }
                segments.push(name.into());
                rest = after;
            }
            match rest.strip_prefix('.') {
                Some("") => return Err("it ends with a `.`"),
                Some(after) => {
                    rest = after;
                    after_dot = true;
                }
                None => after_dot = false,
            }
        }
        if segments.is_empty() {
            return Err("it is empty");
        }
        Ok(Self(segments))
    }

    /// A path of one segment, taken as it is.
    #[must_use]
    pub fn claim(name: &str) -> Self {
        Self(vec![name.into()])
    }

    /// A path of several segments, taken as they are.
    #[must_use]
    pub fn of<const N: usize>(segments: [&str; N]) -> Self {
        Self(segments.into_iter().map(Into::into).collect())
    }

    /// The segments.
    #[must_use]
    pub fn segments(&self) -> &[Box<str>] {
        &self.0
    }

    /// What stands there; `None` if a step is missing or leads through something that is no object.
    #[must_use]
    pub fn find<'c>(&self, claims: &'c Claims) -> Option<&'c Value> {
        self.follow(claims).ok().flatten()
    }

    /// What stands there, if anything does.
    ///
    /// # Errors
    /// The path leads through what is neither an object nor null: whoever wrote that may have meant something.
    pub fn follow<'c>(&self, claims: &'c Claims) -> Result<Option<&'c Value>, NoObject> {
        let Some((first, rest)) = self.0.split_first() else { return Ok(None) };
        let mut value = claims.get(first.as_ref());
        for segment in rest {
            value = match value {
                Some(Value::Object(members)) => members.get(segment.as_ref()),
                None | Some(Value::Null) => return Ok(None),
                Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                    return Err(NoObject);
                }
            };
        }
        Ok(value)
    }
}

/// A path leads through what is no object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoObject;

impl fmt::Display for ClaimPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            if segment.contains(['.', '/', ':', '[', ' ']) {
                write!(formatter, "[\"{segment}\"]")?;
            } else {
                let dot = if index == 0 { "" } else { "." };
                write!(formatter, "{dot}{segment}")?;
            }
        }
        Ok(())
    }
}
